"""`python -m arena_assets.cli` is the command `arena`."""

import sys

from arena_assets.cli.main import main

sys.exit(main())
