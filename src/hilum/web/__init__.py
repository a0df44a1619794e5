"""The web application: pages, API, sign-in, OHIF."""
