"""The web page: shared parts here, a folder for each tab."""
