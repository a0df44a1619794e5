"""May the model read it? A table of rules; every refusal names all its reasons."""
