"""The symptoms that every authority starts with; each may change its own.

The nine characteristic ones are those that the RKI named for COVID-19 in 2020/21
(Steckbrief SARS-CoV-2); the emergency signs are those of 116 117 and the WHO.
"""

from dataclasses import dataclass

from diaries.models import Symptom


@dataclass(frozen=True)
class Start:
    code: str
    en: str
    de: str
    flags: str = ""
    group: str = ""

    def symptom(self, position: int) -> Symptom:
        flags = self.flags.split()
        return Symptom(
            code=self.code,
            names={"en": self.en, "de": self.de},
            characteristic="characteristic" in flags,
            suspicious_for_cases="cases" in flags,
            suspicious_for_contacts="contacts" in flags,
            counts="lasting" not in flags,
            emergency="emergency" in flags,
            group=self.group,
            position=position,
        )


# `lasting`: does not count against release, for it may stay for months.
START = (
    Start("cough", "Cough", "Husten", "characteristic contacts", "A"),
    Start("sore_throat", "Sore throat", "Halsschmerzen", "characteristic", "B"),
    Start("runny_nose", "Runny nose", "Schnupfen", "characteristic", "B"),
    Start("fever", "Feeling feverish", "Fiebergefühl", "characteristic contacts", "A"),
    Start("weakness", "Weakness", "Schwäche", "characteristic lasting", "B"),
    Start("loss_of_smell", "Loss of smell or taste",
          "Geruchs- oder Geschmacksverlust", "characteristic contacts lasting", "A"),
    Start("shortness_of_breath", "Shortness of breath", "Atemnot",
          "characteristic cases contacts", "A"),
    Start("pain_breathing", "Pain when breathing", "Schmerzen beim Atmen",
          "characteristic cases contacts", "A"),
    Start("diarrhoea", "Diarrhoea", "Durchfall", "characteristic", "B"),
    Start("breathless_at_rest", "Breathless at rest", "Atemnot in Ruhe",
          "emergency cases contacts"),
    Start("chest_pain", "Chest pain or pressure", "Schmerz oder Druck in der Brust",
          "emergency cases contacts"),
    Start("confusion", "Confusion", "Verwirrtheit", "emergency cases contacts"),
    Start("fainting", "Fainting", "Ohnmacht", "emergency cases contacts"),
    Start("blue_lips", "Blue lips or face", "Blaue Lippen oder blaues Gesicht",
          "emergency cases contacts"),
    Start("headache", "Headache", "Kopfschmerzen", "", "B"),
    Start("muscle_pain", "Muscle pain", "Muskelschmerzen", "", "B"),
    Start("joint_pain", "Joint pain", "Gelenkschmerzen", "", "B"),
    Start("chills", "Chills", "Schüttelfrost", "contacts", "B"),
    Start("night_sweats", "Night sweats", "Nachtschweiß"),
    Start("nausea", "Nausea", "Übelkeit", "", "B"),
    Start("vomiting", "Vomiting", "Erbrechen", "", "B"),
    Start("stomach_ache", "Stomach ache", "Bauchschmerzen"),
    Start("loss_of_appetite", "Loss of appetite", "Appetitlosigkeit"),
    Start("dizziness", "Dizziness", "Schwindel", "cases"),
    Start("palpitations", "Palpitations", "Herzrasen", "cases"),
    Start("coughing_blood", "Coughing up blood", "Bluthusten", "cases contacts"),
    Start("wheezing", "Wheezing", "Pfeifender Atem", "cases"),
    Start("phlegm", "Phlegm", "Auswurf"),
    Start("hoarseness", "Hoarseness", "Heiserkeit"),
    Start("earache", "Earache", "Ohrenschmerzen"),
    Start("swollen_glands", "Swollen glands", "Geschwollene Lymphknoten"),
    Start("red_eyes", "Red or sore eyes", "Gerötete oder brennende Augen"),
    Start("rash", "Rash", "Hautausschlag"),
    Start("discoloured_toes", "Discoloured toes or fingers",
          "Verfärbte Zehen oder Finger"),
    Start("sneezing", "Sneezing", "Niesen"),
    Start("blocked_nose", "Blocked nose", "Verstopfte Nase"),
    Start("back_pain", "Back pain", "Rückenschmerzen"),
    Start("sleeplessness", "Trouble sleeping", "Schlafstörungen", "lasting"),
    Start("trouble_concentrating", "Trouble concentrating",
          "Konzentrationsstörungen", "lasting"),
    Start("low_mood", "Low mood", "Niedergeschlagenheit", "lasting"),
    Start("anxiety", "Anxiety", "Angst", "lasting"),
    Start("dehydration", "Drinking hardly anything", "Trinkt kaum", "cases contacts"),
    Start("drowsiness", "Hard to wake", "Schwer zu wecken", "cases contacts"),
    Start("irritability", "Very irritable (children)", "Sehr reizbar (Kinder)"),
)  # fmt: skip


def start_set() -> list[Symptom]:
    """Return the unsaved symptoms of a new authority, in the order they are offered."""
    return [start.symptom(10 * (place + 1)) for place, start in enumerate(START)]
