"""The YAML dialect: from text to plain data and back, and nothing else.

Plain data is `None`, bool, int, float, str, list, dict, and `Tagged` for `!Name value`. A tag is only a name here: this
package knows no Executor and no Driver, makes no object and opens no file, so no text can make it run or read anything.

    load(text)              plain data; numbers as in YAML 1.2; `on`, `off`, `yes`, `no` as keys stay strings
    substitute(data, env)   `$NAME`, `${NAME}`, `${{ ENV.X }}`, `${{ this.x }}`, `${{ root.a.b }}` looked up
    escape(data)            the opposite: text that substitution leaves as it is
    dump(data)              text, such that `load(dump(data)) == data`
"""

from peavine.yaml.dumper import dump
from peavine.yaml.loader import MAX_BYTES, load
from peavine.yaml.nodes import Plain, Tagged
from peavine.yaml.substitution import escape, substitute

__all__ = ["MAX_BYTES", "Plain", "Tagged", "dump", "escape", "load", "substitute"]
