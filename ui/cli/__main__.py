"""`python -m ui.cli`: the command line as a process of its own, as jobs start it."""

from ui.cli.main import main

if __name__ == "__main__":
    main()
