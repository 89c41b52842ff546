"""`python -m huibao.cli` is `huibao`."""

from huibao.cli import main

main()
