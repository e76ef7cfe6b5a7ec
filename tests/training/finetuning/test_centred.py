"""A centred model is a base like others: it is trained again in later cycles."""

from training.encoding import Encoder
from training.finetuning.finetune import FineTune
from training.pairs import Mix, Pair
from training.unlabelled.centre import Centre, is_centred

WORDS = ["card", "car", "train", "menu", "bank", "hotel"]


def test_a_centred_model_learns_and_stays_centred(tiny_model, tmp_path):
    queries = [f"where is my {word} {n}" for word in WORDS for n in range(20)]
    vectors = Encoder.load(tiny_model).unit_vectors(queries)
    base = Centre(strength=0.5).make(tiny_model, vectors, tmp_path / "centred").folder
    pairs = [Pair(text, text, text.replace("where is my", "the")) for text in queries[:40]]
    done = FineTune(batch_size=8, minimum_steps=0, learning_rate=1e-3).fit(
        base,
        Mix(minimum_pairs=2).draw(pairs[:20], pairs[20:]),
        output=tmp_path / "model",
        checkpoints=tmp_path / "checkpoints",
        max_length=32,
    )
    assert is_centred(done.folder)
    old, new = (Encoder.load(folder).encode(queries[:1]) for folder in (base, done.folder))
    assert 0.5 < float((old * new).sum()) < 0.99999
