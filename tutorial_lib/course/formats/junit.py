"""JUnit XML: a suite a student, a case an exercise and check. For CI and its viewers."""

import re
import xml.etree.ElementTree as ET

from tutorial_lib.checker.report import CheckResult, model_name
from tutorial_lib.course.results import NOT_SUBMITTED, GradedAnswer, Grades

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(grades: Grades) -> str:
    """The content of `junit.xml`; hidden checks are veiled, since CI shows it to whoever may read the log."""
    root = ET.Element("testsuites", name=grades.course)
    for graded in grades.students:
        cases = [case for answer in graded.answers for case in _cases(answer)]
        suite = ET.SubElement(root, "testsuite", name=graded.student.id)
        counts = {
            "tests": len(cases),
            "failures": sum(case.find("failure") is not None for case in cases),
            "errors": sum(case.find("error") is not None for case in cases),
            "skipped": sum(case.find("skipped") is not None for case in cases),
        }
        suite.attrib.update({name: str(count) for name, count in counts.items()})
        suite.set("time", f"{sum(answer.seconds for answer in graded.answers):.3f}")
        suite.extend(cases)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _cases(answer: GradedAnswer) -> list[ET.Element]:
    report = answer.for_student
    cases = [_check(answer, result) for result in report.results]
    if report.passed or (report.first is not None and report.first in report.results):
        return cases
    # It ended otherwise than in a check: a case of its own says how.
    case = ET.Element("testcase", classname=answer.exercise.name, name="the answer can be checked")
    kind = "skipped" if report.outcome == NOT_SUBMITTED else "error"
    problem = ET.SubElement(case, kind, message=_clean(report.message))
    if kind == "error":
        problem.set("type", report.outcome)
    return [*cases, case]


def _check(answer: GradedAnswer, result: CheckResult) -> ET.Element:
    hidden = " (hidden)" if result.hidden else ""
    name = _clean(f"{result.title}{hidden}, on {model_name(result.model)}")
    case = ET.Element("testcase", classname=answer.exercise.name, name=name)
    if not result.passed:
        message = result.message or "a hidden check failed"
        failure = ET.SubElement(
            case, "failure", message=_clean(message), type=result.misconception or "hidden"
        )
        facts = {"expected": result.expected, "seen": result.seen, "read": result.see}
        failure.text = _clean("\n".join(f"{name}: {value}" for name, value in facts.items() if value))
    return case


def _clean(text: str) -> str:
    """Without what XML cannot hold, such as the control characters that an answer may put into a message."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
