# SPDX-License-Identifier: AGPL-3.0-or-later
"""Certificates made by the openssl command, for one run of the tests."""
import ssl
import subprocess

EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
          "-nodes"]


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], check=False,
                          capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def self_signed(folder):
    """A certificate for 127.0.0.1 and localhost that is its own authority:
    the paths of it and of its key."""
    certificate, key = folder / "self.pem", folder / "self.key"
    openssl("req", "-x509", *EC_KEY, "-keyout", key, "-out", certificate,
            "-days", 2, "-subj", "/CN=self", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1")
    return str(certificate), str(key)


class Authority:
    """A private certificate authority in a folder of its own."""

    def __init__(self, folder, name):
        folder.mkdir()
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        openssl("req", "-x509", *EC_KEY, "-keyout", self._key,
                "-out", self.certificate, "-days", 2, "-subj", f"/CN={name}",
                "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, name, subject="DNS:localhost", days=1):
        """The paths of a certificate for a subject and of its key; days of
        -1 gives one that ended yesterday."""
        key = self._folder / f"{name}.key"
        request = self._folder / f"{name}.csr"
        certificate = self._folder / f"{name}.pem"
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={subject}\n")
        openssl("req", "-new", *EC_KEY, "-keyout", key, "-out", request,
                "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                "-CAkey", self._key, "-CAcreateserial", "-days", days,
                "-extfile", extensions, "-out", certificate)
        return certificate, key

    def context(self, name, subject="DNS:localhost", days=1):
        """A server's SSLContext with such a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, subject, days))
        return context

    def below(self, name):
        """An authority that this one vouches for."""
        other = Authority.__new__(Authority)
        other._folder = self._folder  # pylint: disable=protected-access
        other.certificate = self._folder / f"{name}.pem"
        other._key = self._folder / f"{name}.key"
        openssl("req", "-x509", "-CA", self.certificate, "-CAkey", self._key,
                *EC_KEY, "-keyout", other._key, "-out", other.certificate,
                "-days", 2, "-subj", f"/CN={name}",
                "-addext", "keyUsage=critical,keyCertSign")
        return other
