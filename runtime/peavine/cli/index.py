"""`peavine index FILE...`."""

from peavine.cli.change import command

index = command(
    "index",
    "Index the Documents of FILEs; those that are there already are replaced.\n\n"
    "By their names: .jsonl has a Document a line, .csv one a row (column `text`), .txt a text a line, .npy an array's "
    "rows, .md and .rst a text; any other file is one Document, its bytes. `-` is standard input, JSON lines.",
)
