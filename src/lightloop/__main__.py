"""`python -m lightloop` is `lightloop`."""

from lightloop.cli.main import main

main()
