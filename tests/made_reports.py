"""Results of cycles for tests of reports, whose every text tries to be more than a text."""

HOSTILE = "<script>alert('x')</script> $\\frac{1}{0}$ & {{ 7 * 7 }}"
COMPARISON = {
    "task": "anchor/<b>past</b>",
    "metric": "ndcg_at_10",
    "champion": 0.7,
    "candidate": 0.71,
    "difference": 0.01,
    "low": -0.01,
    "high": 0.03,
    "queries": 200,
    "holds": True,
    "needs": None,
    "rule": "no worse",
    "margin": 0.02,
    "spread": 0.1,
    "visible": 0.02,
    "reason": "r",
}

HIT = {"document": "d1", "text": HOSTILE, "similarity": 0.5, "relevant": True}
WORST = {
    "task": "new",
    "query": "q1",
    "text": HOSTILE,
    "before": 1.0,
    "after": 0.25,
    "rank_before": 1,
    "rank_after": None,
    "old": [HIT] * 3,
    "new": [HIT] * 3,
}


def made_result():
    """Return the result of a cycle that was promoted, every text of which is hostile."""
    signal = {
        "trigger": "embedding_shift",
        "fired": True,
        "p_value": 1e-9,
        "effect": 0.2,
        "threshold": 0.05,
        "cause": "concept",
        "reason": HOSTILE,
        "examples": [HOSTILE] * 3,
    }
    cluster = {"share": 0.4, "examples": [HOSTILE], "terms": [HOSTILE], "nearest": [HOSTILE]}
    cluster |= {"anchor_queries": [HOSTILE], "intra_cluster_distance": 0.3}
    return {
        "cycle": "0003",
        "outcome": "promoted",
        "decision": {
            "train": True,
            "reasons": [HOSTILE],
            "signals": [signal],
            "cause": {"cause": "concept", "why": HOSTILE, "answer": "retrain", "evidence": []},
            "clusters": [cluster],
        },
        "champion": {"version": 2},
        "candidate": {"version": 2},
        "verdict": {
            "promote": True,
            "outcome": "promoted",
            "reasons": [HOSTILE],
            "comparisons": [COMPARISON],
        },
        "lesson": {
            "recent": 90,
            "replayed": 60,
            "memory": 60,
            "held_out_queries": 30,
            "leaked": {"exact": 1, "near": 2},
            "sources": [{"source": HOSTILE, "recent": 90, "replayed": 60}],
            "screened": {
                "pairs": 95,
                "held": 5,
                "waiting": 2,
                "findings": [
                    {
                        "screen": "instructions",
                        "pairs": 5,
                        "held": 5,
                        "reason": HOSTILE,
                        "examples": [HOSTILE],
                    }
                ],
                "noise": [{"source": HOSTILE, "pairs": 90, "share": 0.1, "low": 0.0, "high": 0.2}],
            },
        },
        "training": {
            "strategy": "replay",
            "run_id": "abc",
            "folder": "f",
            "selection": None,
            "seconds": 12.0,
            "held": 3,
            "log": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}],
            "steps": 2,
            "pairs": 150,
            "precision": "fp32",
            "negatives": "",
            "merge": "no interpolation was asked for",
            "share": 1.0,
            "curve": [],
            "attempts": [attempt("replay", [0.8, 0.7], chosen=True)],
            "champion_selection": None,
        },
        "regressions": {
            "changes": [
                {
                    "task": "anchor/<b>past</b>",
                    "worse": 25,
                    "better": 3,
                    "ties": 4,
                    "dark": 1,
                    "found": 0,
                    "vanished": 2,
                }
            ],
            "worst_queries": [WORST] * 20,
            "dark_documents": [
                {"task": "new", "document": "d", "text": HOSTILE, "query": HOSTILE, "rank": 3}
            ],
        },
        "peak_memory_megabytes": 812.5,
        "intake": {"pairs": {"stored": 1, "known": 0, "quarantined": 0}, "warnings": [HOSTILE]},
        "seconds": {"total": 1.5},
        "run_id": "abc",
    }


def attempt(strategy, selection, chosen=False, fault=""):
    """Return the row of one training, as the result of a cycle holds it."""
    done = {"pairs": 150, "seconds": 12.0} if not fault else {"pairs": None, "seconds": None}
    row = {"strategy": strategy, "fault": fault, "selection": selection, "run_id": "abc", **done}
    return {**row, "chosen": chosen}


GROUP = {"number": 1, "terms": [HOSTILE], "x": 0, "y": 0, "known": 0.1, "recent": 0.5, "far": 0.9,
         "distance": 0.4, "examples": [HOSTILE]}  # fmt: skip
MAP = {
    "method": "PCA", "kept": 0.3, "known": [[0, 0], [1, 1]], "recent": [[0.5, 0.2]],
    "far": [[-1, -1]], "far_share": 0.5, "compared": [200, 100], "groups": [GROUP] * 3,
    "sources": [{"source": HOSTILE, "texts": 9, "far": 0.5, "pieces": 1.4}],
}  # fmt: skip
