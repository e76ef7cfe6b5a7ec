"""What people read: pages, charts, tables in a terminal."""

from pipeline.reports.charts import Interval, intervals_chart
from pipeline.reports.course import MOST_CYCLES
from pipeline.reports.cycle_report import REPORT_FILE, report_of, write_report
from pipeline.reports.dossier import SIGNATURE_FILE, check_signature, sign
from pipeline.reports.history_page import HISTORY_FILE, history_page, write_history_page
from pipeline.reports.measure_lines import movement_lines
from pipeline.reports.page import filled, write_page
from pipeline.reports.plan_rows import plan_page
from pipeline.reports.shown_texts import Report, ShownTexts
from pipeline.reports.simulation_page import write_simulation_page
from pipeline.reports.words import task_name

__all__ = [
    "HISTORY_FILE",
    "MOST_CYCLES",
    "REPORT_FILE",
    "SIGNATURE_FILE",
    "Interval",
    "Report",
    "ShownTexts",
    "check_signature",
    "filled",
    "history_page",
    "intervals_chart",
    "movement_lines",
    "plan_page",
    "report_of",
    "sign",
    "task_name",
    "write_history_page",
    "write_page",
    "write_report",
    "write_simulation_page",
]
