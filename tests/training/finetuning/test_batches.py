from training.finetuning.batches import LengthBatches


def batches(count=100, size=8, epoch=0, seed=0):
    sampler = LengthBatches(list(range(count)), [(i * 37) % 50 for i in range(count)], size, seed)
    sampler.set_epoch(epoch)
    return sampler, list(sampler)


def test_every_pair_is_seen_once_an_epoch_in_batches_of_nearly_one_size():
    for count in (2, 9, 33, 100, 1001):
        sampler, made = batches(count)
        assert sorted(row for batch in made for row in batch) == list(range(count))
        assert len(sampler) == len(made) == -(-count // 8)
        assert max(map(len, made)) - min(map(len, made)) <= 1


def test_batches_depend_on_seed_and_epoch_alone():
    assert batches()[1] == batches()[1]
    assert batches(epoch=1)[1] != batches()[1] != batches(seed=1)[1]


def test_a_batch_holds_pairs_of_like_length():
    _, made = batches()
    spread = [
        max((i * 37) % 50 for i in batch) - min((i * 37) % 50 for i in batch) for batch in made
    ]
    assert sum(spread) / len(spread) < 10
