"""The loop: the five steps to the bit, means by samples, and an evaluation that leaves no trace."""

import random
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.data import batches, to_inputs
from course_utils.models import BPNetwork, SigmoidMLP
from course_utils.training import confusion_matrix, evaluate, fit, predict, squared_error, to_digits, train_epoch

OPTIMIZERS = {
    "SGD with momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.003, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.001),
}


class Restless(nn.Module):
    """A small classifier whose training mode shows: dropout and batch norm. One of its modules stays in eval mode."""

    def __init__(self):
        super().__init__()
        self.frozen = nn.BatchNorm2d(1)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.BatchNorm1d(12), nn.Dropout(), nn.ReLU())
        self.output = nn.Linear(12, 10)
        self.frozen.eval()

    def forward(self, images):
        return self.output(self.layers(self.frozen(images)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Restless()


def shuffled(split, seed=5):
    """Batches of 16: of 40 digits, the last batch holds 8."""
    return batches(split, 16, shuffle=True, generator=torch.Generator().manual_seed(seed))


def in_order(split):
    return batches(split, 16, shuffle=False)


def weights(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(("network", "loss_fn"), [(BPNetwork, nn.NLLLoss()), (SigmoidMLP, squared_error)])
def test_train_epoch_is_the_five_steps_to_the_bit(digits, network, loss_fn, optimizer):
    torch.manual_seed(0)
    ours, by_hand = network(), network()
    by_hand.load_state_dict(ours.state_dict())
    our_optimizer, optimizer = optimizer(ours.parameters()), optimizer(by_hand.parameters())
    our_losses, losses = [], []
    for epoch in range(2):
        our_losses += train_epoch(ours, shuffled(digits.train, epoch), loss_fn, our_optimizer).batch_losses
        for images, labels in shuffled(digits.train, epoch):
            outputs = by_hand(images)
            loss = loss_fn(outputs, labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    assert torch.equal(weights(ours), weights(by_hand))
    assert our_losses == losses


def test_train_epoch_trains_in_training_mode_and_leaves_no_gradient_behind(model, digits):
    model.eval()
    train_epoch(model, in_order(digits.train), F.cross_entropy, torch.optim.SGD(model.parameters(), lr=0.1))
    assert all(module.training for module in model.modules())
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in model.parameters())


def test_means_are_weighted_by_samples(digits):
    model = BPNetwork()
    images, labels = to_inputs(digits.train.images), digits.train.labels
    split = [(images[:39], labels[:39]), (images[39:] * 9, labels[39:])]  # the last batch holds one odd sample
    outputs = torch.cat([model(images) for images, _ in split])
    loss = pytest.approx(F.nll_loss(outputs, labels).item(), rel=1e-5)
    assert evaluate(model, split, F.nll_loss) == (loss, (outputs.argmax(dim=1) == labels).sum().item() / 40)
    trained = train_epoch(model, split, F.nll_loss, torch.optim.SGD(model.parameters(), lr=0.0))
    assert trained.loss == loss and trained.batch_losses[0] != pytest.approx(trained.batch_losses[1])


def test_a_spent_generator_is_named_and_no_epoch_refused(model, digits):
    for train in (evaluate, partial(train_epoch, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))):
        with pytest.raises(ValueError, match=r"no batches.*spent"):
            train(model, iter([]), F.cross_entropy)
    with pytest.raises(ValueError, match="at least 1"):
        run(digits, epochs=0)


def trace(model):
    """Everything that an evaluation could leave behind."""
    return {
        "modes": [module.training for module in model.modules()],
        "weights": weights(model).tolist(),
        "gradients": [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
        "wanted": [parameter.requires_grad for parameter in model.parameters()],
        "torch": torch.get_rng_state().tolist(),
        "numpy": str(np.random.get_state()),
        "python": random.getstate(),
        "grad mode": torch.is_grad_enabled(),
    }


def fails(*_):
    raise ArithmeticError("on purpose")


@pytest.mark.parametrize(
    "measure",
    [lambda *given: evaluate(given[0], in_order(given[1]), F.cross_entropy),
     lambda *given: predict(given[0], to_inputs(given[1].images))],
    ids=["evaluate", "predict"],
)  # fmt: skip
@pytest.mark.parametrize("ending", [nullcontext, lambda: pytest.raises(ArithmeticError)], ids=["well", "raising"])
def test_measuring_is_done_in_eval_mode_without_gradients_and_leaves_no_trace(model, digits, measure, ending):
    """The model is found in training mode, but for one of its modules."""
    seen = []
    model.register_forward_hook(lambda module, _, outputs: seen.append((module.training, outputs.requires_grad)))
    F.cross_entropy(model(to_inputs(digits.train.images)), digits.train.labels).backward()
    if ending is not nullcontext:
        model.output.register_forward_hook(fails)
    before = trace(model)
    with ending():
        measure(model, digits.validation)
        assert set(seen[1:]) == {(False, False)}
    assert trace(model) == before


def test_predict_gives_what_evaluate_judges(model, digits):
    outputs = predict(model, to_inputs(digits.test.images), batch_size=7)
    metrics = evaluate(model, in_order(digits.test), F.cross_entropy)
    assert outputs.shape == (30, 10) and not outputs.requires_grad
    assert metrics.loss == pytest.approx(F.cross_entropy(outputs, digits.test.labels).item(), rel=1e-5)
    assert metrics.accuracy == (to_digits(outputs) == digits.test.labels).sum().item() / 30


def run(digits, validation=None, *, epochs=3, seed=0, **options):
    torch.manual_seed(seed)
    model = Restless()
    optimizer = torch.optim.Adam(model.parameters())
    history = fit(model, shuffled(digits.train), validation, F.cross_entropy, optimizer, epochs=epochs, **options)
    return history, weights(model)


def test_fit_keeps_one_number_an_epoch_and_one_a_batch_and_validates_at_the_end_of_the_epoch(model, digits):
    measured, validation, adam = [], in_order(digits.validation), torch.optim.Adam(model.parameters())

    def measure(history):
        measured.append((len(history.train_loss), *evaluate(model, validation, F.cross_entropy)))

    train = shuffled(digits.train)
    history = fit(model, train, validation, F.cross_entropy, adam, epochs=3, on_epoch_end=measure)
    assert list(zip((1, 2, 3), history.validation_loss, history.validation_accuracy, strict=True)) == measured
    by_samples = [np.average(history.batch_losses[i : i + 3], weights=[16, 16, 8]) for i in (0, 3, 6)]
    assert history.train_loss == pytest.approx(by_samples) and len(history.batch_losses) == 9
    assert all(type(number) is float for numbers in vars(history).values() for number in numbers)


def test_a_validation_set_does_not_change_the_training_and_equal_runs_are_equal(digits):
    (alone, its_weights), (watched, other_weights) = run(digits), run(digits, shuffled(digits.validation))
    assert alone.validation_loss == alone.validation_accuracy == []
    assert (alone.train_loss, alone.batch_losses) == (watched.train_loss, watched.batch_losses)
    assert torch.equal(its_weights, other_weights)
    assert run(digits, seed=1)[0] != alone == run(digits)[0]


def test_fit_goes_on_where_an_earlier_fit_ended(digits):
    together, _ = run(digits, epochs=2)
    torch.manual_seed(0)
    model, train = Restless(), shuffled(digits.train)
    optimizer = torch.optim.Adam(model.parameters())
    parts = [fit(model, train, None, F.cross_entropy, optimizer, epochs=1) for _ in range(2)]
    assert together.train_loss == [loss for part in parts for loss in part.train_loss]


def test_what_outputs_mean():
    values, scores = torch.tensor([[-3.0], [0.4], [3.4], [3.6], [9.4], [55.0]]), torch.eye(10)[[4, 0, 9]]
    assert to_digits(values).tolist() == [0, 0, 3, 4, 9, 9] and to_digits(scores).tolist() == [4, 0, 9]
    assert to_digits(values).dtype == to_digits(scores).dtype == torch.int64
    loss = squared_error(torch.tensor([[1.0], [2.0], [7.0]]), torch.tensor([1, 4, 6]))
    assert loss.shape == () and loss.item() == pytest.approx((0 + 4 + 1) / 3)  # 7 by broadcasting (3, 1) on (3,)
    counts = confusion_matrix(torch.tensor([3, 3, 3, 9]), torch.tensor([3, 5, 5, 9]))
    assert counts.shape == (10, 10)
    assert (counts[3, 3], counts[3, 5], counts[9, 9], counts.sum()) == (1, 2, 1, 4)
