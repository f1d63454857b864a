# SPDX-License-Identifier: MIT
"""A certification authority for the tests, made with the openssl program when it is needed."""
import pathlib
import subprocess


def openssl(folder, *arguments):
    """Runs one openssl command; its complaint is part of the exception."""
    result = subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=False, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True)
    if result.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {result.stderr}")


class Authority:
    """A CA in a folder: `certificate` is its PEM file; issue() makes server certificates, for
    `names` when nothing else is asked for."""

    def __init__(self, folder, name="Postmodem test CA",
                 names=("DNS:localhost", "IP:127.0.0.1", "IP:::1")):
        self.names = names
        self.folder = pathlib.Path(folder) / name.replace(" ", "-")
        self.folder.mkdir(parents=True)
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self.count = 0
        self._new_key(self.key)
        openssl(self.folder, "req", "-x509", "-new", "-key", self.key, "-days", "30",
                "-subj", f"/CN={name}", "-out", self.certificate,
                "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def _new_key(self, path, rsa=False):
        kind = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if rsa else \
            ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl(self.folder, "genpkey", "-algorithm", *kind, "-out", path)
        path.chmod(0o600)

    def issue(self, names=None, start=None, end=None, rsa=False, common_name=None):
        """(certificate file, key file) for these subject alternative names. start and end are
        the dates of validity as YYYYMMDDHHMMSSZ. One name may be the whole extension in DER; with
        () there is none."""
        self.count += 1
        stem = self.folder / f"server{self.count}"
        key, request, certificate = (stem.with_suffix(s) for s in (".key", ".csr", ".pem"))
        self._new_key(key, rsa)
        extensions = stem.with_suffix(".ext")
        names = self.names if names is None else names
        extensions.write_text("basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n"
                              + (f"subjectAltName={','.join(names)}\n" if names else ""))
        subject = "/O=Postmodem test" + (f"/CN={common_name}" if common_name else "")
        openssl(self.folder, "req", "-new", "-key", key, "-subj", subject,
                "-out", request)
        dates = ["-days", "20"]
        if start or end:
            dates = ["-startdate", start, "-enddate", end]
        # `openssl ca` is the one that takes dates; it wants a small database beside it.
        (self.folder / "index.txt").write_text("")
        (self.folder / "index.txt.attr").write_text("unique_subject = no\n")
        configuration = self.folder / "ca.cnf"
        configuration.write_text(
            "[ca]\ndefault_ca = here\n[here]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\n"
            "default_md = sha256\npolicy = any\n[any]\norganizationName = optional\n"
            "commonName = optional\n")
        openssl(self.folder, "ca", "-batch", "-notext", "-create_serial", "-config", configuration,
                "-cert", self.certificate, "-keyfile", self.key, "-in", request,
                "-extfile", extensions, *dates, "-out", certificate)
        return certificate, key
