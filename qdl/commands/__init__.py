"""What the command line runs: each command is a plain function that fills a run folder."""
