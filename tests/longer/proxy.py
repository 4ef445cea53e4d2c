"""The proxy of compose.yaml, with Debian's nginx in place of the image's."""

import datetime as dt
import re
import shutil
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.composed import ROOT

# Debian puts it where only root looks.
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


def certificate(place: Path) -> None:
    """Lay a certificate of `localhost` and its key into the folder, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (place / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def prepared(
    place: Path,
    variables: dict[str, str],
    *,
    doors: dict[str, int],
    webs: tuple[int, int],
) -> list[str]:
    """The command of nginx with both files of compose, filled in as the image does.

    Certificate and all that it writes lie in `place`; `doors` are the ports for 'http',
    'https' and 'inside', `webs` those of web-1 and web-2, all of this machine.
    """
    text = (ROOT / "compose" / "nginx.conf.template").read_text()
    for name in ("PUBLIC_HOST", "SITE_PORT"):
        text = text.replace(f"${{{name}}}", variables[name])
    for name, port in zip(("web-1", "web-2"), webs, strict=True):
        text = text.replace(f"{name}:8000", f"127.0.0.1:{port}")
    for of_image, here in (("8080", "http"), ("8443", "https"), ("8081", "inside")):
        text = text.replace(f"listen {of_image}", f"listen 127.0.0.1:{doors[here]}")
    text = text.replace("/tls/", f"{place}/")
    text = text.replace("/dev/stdout", f"{place}/access.log")
    text = text.replace("http2 on;", "")  # since nginx 1.25; Debian 12 has 1.22
    text = re.sub(r"resolver 127.0.0.11[^;]*;", "", text)
    first, second = webs
    chosen = f"set $port {first}; if ($container = web-2) {{ set $port {second}; }}"
    text = text.replace(
        "proxy_pass http://$container:8000/$page/;",
        f"{chosen} proxy_pass http://127.0.0.1:$port/$page/;",
    )
    (place / "conf.d").mkdir(exist_ok=True)
    (place / "conf.d" / "default.conf").write_text(text)
    frame = (ROOT / "compose" / "nginx.main.conf").read_text()
    frame = frame.replace("/tmp/", f"{place}/")
    frame = frame.replace("/etc/nginx/conf.d/", f"{place}/conf.d/")
    frame = frame.replace("/dev/stderr", f"{place}/error.log")
    file = place / "nginx.conf"
    file.write_text(f"daemon off;\n{frame}")
    command = [str(NGINX), "-c", str(file), "-e", f"{place}/error.log"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    return command
