"""`peavine index FILE...`."""

from peavine.cli.change import command

index = command(
    "index",
    "Index the Documents of FILEs and folders; those that are there already are replaced.\n\n"
    "By their names: .jsonl has a Document a line, .csv and .tsv one a row, .txt a text a line, .npy an array's rows; "
    ".md, .rst and .html are a text each, and .png, .jpg and others a picture; any other file is one Document, its "
    "bytes. `-` is standard input, JSON lines.\n\n"
    "In a folder, and the folders in it, .txt is a text, and files of other kinds are left out.",
)
