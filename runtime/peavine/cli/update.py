"""`peavine update FILE...`."""

from peavine.cli.change import command

update = command("update", "Update the Documents of FILEs, read as `peavine index` does; those not there are ignored.")
