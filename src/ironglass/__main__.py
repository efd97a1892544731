"""`python -m ironglass`."""

from ironglass.cli import main

main()
