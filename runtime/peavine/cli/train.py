"""`peavine train FILE...`."""

from peavine.cli.change import command

train = command("train", "Train the Flow's Executors on the Documents of FILEs, read as `peavine index` does.")
