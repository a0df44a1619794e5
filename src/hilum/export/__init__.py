"""Images, readings and reviews for research, de-identified. Read `run` first."""
