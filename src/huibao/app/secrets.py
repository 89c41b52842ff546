"""The keys of an installation, in one file that only its owner reads; made with the first start."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import get_ident

from huibao.core.chain import sm3
from huibao.core.sealing import KEY_BYTES, Keyring


@dataclass(frozen=True, slots=True)
class Secrets:
    """Master keys by id, the key of blind indexes, the secret of tokens, and that shared with outside systems."""

    master_keys: Mapping[int, bytes] = field(repr=False)
    current: int
    index_key: bytes = field(repr=False)
    token_secret: bytes = field(repr=False)
    channel_secret: bytes = field(repr=False)
    account_secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def of_accounts(self, programme: str) -> bytes:
        """What the system that keeps a programme's accounts shares with us: its own, where the file has one."""
        return self.account_secrets.get(programme, self.channel_secret)

    @property
    def keyring(self) -> Keyring:
        return Keyring(self.master_keys, self.current)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Each master key's own mark, by id: tells whether two files have the same key, and nothing of the key."""
        return {str(id): sm3(b"huibao master key" + key).hex()[:16] for id, key in self.master_keys.items()}

    @classmethod
    def open(cls, path: Path, chance: Callable[[int], bytes] = os.urandom) -> "Secrets":
        """The secrets in a file, which is made where there is none; two that make it at once end up with one."""
        with suppress(FileExistsError):
            _make(path, chance)
        read = json.loads(path.read_text("utf-8"))
        return cls(
            {int(key_id): bytes.fromhex(key) for key_id, key in read["master_keys"].items()}, read["current"],
            bytes.fromhex(read["index_key"]), bytes.fromhex(read["token_secret"]), bytes.fromhex(read["channel_secret"]),
            {programme: bytes.fromhex(secret) for programme, secret in read.get("account_secrets", {}).items()})


def _make(path: Path, chance: Callable[[int], bytes]) -> None:
    """Writes new secrets beside `path` and links them there whole. Raises `FileExistsError` where there are some."""
    if path.exists():
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({
        "master_keys": {"1": chance(KEY_BYTES).hex()}, "current": 1, "index_key": chance(32).hex(),
        "token_secret": chance(32).hex(), "channel_secret": chance(32).hex()}, indent=2)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    draft.touch(mode=0o600)
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        draft.unlink()
