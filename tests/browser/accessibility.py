"""What axe-core, a checker of accessibility, finds in a part of a page."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.command import ROOT

AXE = ROOT / "emitnb/notebook/js/node_modules/axe-core/axe.min.js"


def serious_findings(page: Page, selector: str) -> list[str]:
    """Return what is serious or critical inside the selector: rule, element, and what to do."""
    # Not added as a script: a page with a loader of modules would keep it from the window.
    page.evaluate(f"window.axe || (() => {{ {AXE.read_text(encoding='utf-8')} }})()")
    found = page.evaluate(
        """async selector => {
            const { violations } = await window.axe.run({ include: [[selector]] })
            return violations
                .filter(one => ['serious', 'critical'].includes(one.impact))
                .flatMap(one => one.nodes.map(
                    node => `${one.id}: ${node.html}\\n${node.failureSummary}`))
        }""",
        selector,
    )
    return [str(one) for one in found]
