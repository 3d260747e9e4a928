"""The data-set doctor: everything that is wrong with the pictures, each by split and name."""

from data.doctor.examine import examine, refuse_findings
from data.doctor.findings import Finding, Kind, Report

__all__ = ["Finding", "Kind", "Report", "examine", "refuse_findings"]
