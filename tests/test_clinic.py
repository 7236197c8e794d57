"""The clinic: what is hidden stays hidden, each fault shows its sign, bills add up, and a cure heals."""

import re

import matplotlib.pyplot as plt
import pytest

from course_utils.clinic import CAUSES, EXPLAINED, FAULTS, INSTRUMENTS, WRONG_PRICE, Patient, admit
from course_utils.data import load_digits
from course_utils.exercises.desk import all_exercises


@pytest.fixture(scope="module")
def digits():
    return load_digits("digits", train_size=2000, validation=500)


@pytest.fixture(scope="module")
def ward(digits) -> list[Patient]:
    return [admit(digits, number) for number in range(1, 13)]


def test_each_cause_has_a_fault_an_explanation_with_sign_and_cure_and_one_patient(ward):
    assert list(CAUSES) == list(FAULTS) == list("ABCDEFGHIJKL")
    assert all("*The sign:*" in text and "*The cure:*" in text for text in EXPLAINED.values())
    assert sorted(patient._faults for patient in ward) == list(CAUSES)


def test_the_lesson_s_doctor_finds_them_all_and_nobody_s_healed_twin(ward, digits):
    doctor = all_exercises()["7.7"].reference
    assert [doctor(patient.chart) for patient in ward] == [patient._faults for patient in ward]


def test_a_cure_heals(ward):
    from course_utils.clinic import _right, _train

    for patient in ward:
        model = _train(patient._healed, patient._digits, 0)[0]
        healed, sick = _right(model, patient._healed, patient._digits), patient._right(patient._sick)
        goal = 0.17 if patient._faults == "D" else 0.7  # numbers are read as well as numbers can be
        assert healed > goal and (healed > sick or patient._faults in "EJ"), patient._faults


def test_orders_are_billed_once_and_wrong_diagnoses_cost(digits, capsys):
    patient = admit(digits, 5)
    for _ in range(2):
        patient.order("answer")
    patient.order("step")
    assert patient.bill == {"answer": 1, "step": 2} and not patient.diagnose("A")
    assert patient.cost == 3 + WRONG_PRICE and "it is something else" in capsys.readouterr().out
    patient.open()
    assert "stays closed" in capsys.readouterr().out
    with pytest.raises(KeyError, match="no instrument 'x-ray'; there are inputs, labels"):
        patient.order("x-ray")
    assert patient.diagnose(patient._faults.lower()) and f"You paid {patient.cost}" in capsys.readouterr().out


def test_opened_it_shows_the_code_that_ran_and_the_healed_curve(digits, monkeypatch):
    patient, shown = admit(digits, 12), []
    monkeypatch.setattr("course_utils.clinic.display", shown.append)
    patient.symptom()
    patient.reveal()
    patient.open()
    text = shown[0].data
    assert "def fault_" in text and CAUSES[patient._faults] in text and EXPLAINED[patient._faults] in text
    assert {"sick, training", "healed, training"} <= {line.get_label() for line in plt.gca().lines}
    plt.close("all")


def test_fresh_patients_come_from_their_seed_with_one_fault_or_two(digits, capsys):
    fresh = [admit(digits, seed=seed) for seed in range(200)]
    assert [one._faults for one in fresh] == [admit(digits, seed=seed)._faults for seed in range(200)]
    kinds = {one._faults for one in fresh}
    assert set(CAUSES) <= kinds and {len(kind) for kind in kinds} == {1, 2}
    double = next(one for one in fresh if len(one._faults) == 2)
    assert not double.diagnose(double._faults[0]) and "that is part of it" in capsys.readouterr().out
    assert double.diagnose(double._faults[::-1])


@pytest.mark.parametrize("wrong", [{}, {"number": 3, "seed": 1}, {"number": 13}, {"number": 0}])
def test_who_is_no_patient_is_said(digits, wrong):
    with pytest.raises(ValueError):
        admit(digits, **wrong)


def test_the_lesson_s_source_holds_no_patient_s_letter_but_the_one_done_together(ward):
    from course_utils.instructor.manifest import NOTEBOOKS

    source = (NOTEBOOKS / "07_break_it_clinic.ipynb").read_text(encoding="utf-8")
    told = re.findall(r'(patient\w*)\.diagnose\(\\"([A-Z]+)\\"', source)
    assert told == [("patient", ward[11]._faults)]
    assert {*INSTRUMENTS, "…"} >= set(re.findall(r'\.order\(\\"([^\\]+)\\"', source))
