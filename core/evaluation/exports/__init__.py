"""A run in other forms, each for somebody else's program: spreadsheet, test report, wiki, script."""
