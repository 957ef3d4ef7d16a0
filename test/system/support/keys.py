# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files of keys."""
import hashlib


def key_of(name):
    """The key behind a name of these files."""
    return f"sk-{name}-0123456789abcdef"


def line(name, settings=""):
    digest = hashlib.sha256(key_of(name).encode()).hexdigest()
    return f"{name} {digest} {settings}\n"


def key_file(folder, **keys):
    """The path of a file with these names and their settings."""
    path = folder / "keys"
    path.write_text("".join(line(name, settings)
                            for name, settings in keys.items()))
    return str(path)


def bearer(name):
    """The headers of a request with the key behind a name."""
    return [("Authorization", f"Bearer {key_of(name)}")]
