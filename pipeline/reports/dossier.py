"""The signature of a report: whether its page and its JSON are what the cycle wrote.

The key is in the environment while a cycle runs, and nowhere else.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from pipeline.results import SignatureCheck
from training.whole_files import written

SIGNATURE_FILE = "report.sig"
_ALGORITHM = "HMAC-SHA256"


def sign(page: Path, cycle: str, key: bytes | None) -> str:
    """Sign the page of a cycle and the JSON beside it, and return the signature.

    Parameters
    ----------
    page
        The page; the signature is written beside it.
    cycle
        The cycle.
    key
        The key; None: an earlier signature is removed, and "" is returned.
    """
    file = page.with_name(SIGNATURE_FILE)
    if key is None:
        file.unlink(missing_ok=True)
        return ""
    told = {"algorithm": _ALGORITHM, "cycle": cycle, "files": _files(page)}
    signature = _signature(told, key)
    with written(file) as partial:
        partial.write_text(json.dumps({**told, "signature": signature}, indent=1), encoding="utf-8")
    return signature


def check_signature(page: Path, cycle: str, key: bytes, noted: str) -> SignatureCheck:
    """Say whether a page and the JSON beside it are what was signed.

    Parameters
    ----------
    page, cycle
        The page and its cycle.
    key
        The key.
    noted
        The signature that the run in MLflow has; "" for none.
    """
    try:
        told = json.loads(page.with_name(SIGNATURE_FILE).read_text(encoding="utf-8"))
        signature, files = str(told.pop("signature")), dict(told["files"])
    except FileNotFoundError:
        if noted:
            return _mismatch("the run in MLflow has a signature, and the report has none")
        why = "no key was in the environment when it was written"
        return SignatureCheck(state="not signed", reason=why)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return _mismatch(f"{SIGNATURE_FILE} is no signature")
    now = _files(page)
    if changed := sorted(name for name in {*files, *now} if files.get(name) != now.get(name)):
        return _mismatch(f"{' and '.join(changed)} changed after the report was signed")
    if told.get("cycle") != cycle:
        return _mismatch(f"it is the signature of cycle {told.get('cycle')!r}")
    if not hmac.compare_digest(signature.encode(), _signature(told, key).encode()):
        return _mismatch("the signature was not made with this key")
    if signature != noted:
        which = "another signature" if noted else "no signature"
        return _mismatch(f"the run in MLflow has {which}")
    return SignatureCheck(state="signed", reason="page, JSON and the run in MLflow agree")


def _files(page: Path) -> dict[str, str]:
    both = (page, page.with_suffix(".json"))
    return {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in both if each.exists()
    }


def _signature(told: dict[str, Any], key: bytes) -> str:
    content = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return hmac.digest(key, content, hashlib.sha256).hex()


def _mismatch(reason: str) -> SignatureCheck:
    return SignatureCheck(state="does not match", reason=reason)
