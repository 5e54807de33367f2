"""`peavine index FILE...`."""

from peavine.cli.change import command

index = command(
    "index",
    "Index the Documents of FILEs; those that are there already are replaced.\n\n"
    "By their names: .jsonl has a Document a line, .csv one a row (column `text`), .txt a text a line, .npy an array's "
    "rows; any other file is one Document. `-` is standard input, JSON lines.",
)
