"""A notebook as a script: each `# %%` is a cell for Jupyter, VS Code or PyCharm.

It works on the workspace of docs/tutorial.md and stands in for its fifth step, where the data of
the second week has just arrived. As a script:

    python examples/notebook.py
"""

# %% [markdown]
# # Keep a search model up to date
# The workspace stays open for all cells; `close` it at the end, or use `with` in a script.

# %%
import numpy as np

from pipeline import Workspace

workspace = Workspace.open("docs-search")

# %% [markdown]
# ## Has the traffic drifted?
# `check` changes nothing. Each signal says what one trigger found.

# %%
decision = workspace.check()
print("train" if decision.train else "do not train")
for reason in decision.reasons:
    print(" -", reason)
for signal in decision.signals:
    if signal.fired:
        print(signal.trigger, signal.effect, ">", signal.threshold)

# %% [markdown]
# ## Run one cycle
# It trains only if the check calls for it, and the gate decides whether the candidate serves.

# %%
result = workspace.run()
print(result.outcome, result.seconds["total"])

# %% [markdown]
# ## The verdict
# The lower bound of each difference decides, not the mean.

# %%
if result.verdict:
    for each in result.verdict.comparisons:
        print(f"{each.task:30} {each.difference:+.3f} [{each.low:+.3f}, {each.high:+.3f}]")

# %% [markdown]
# ## Compare versions as a data frame

# %%
frame = workspace.compare("origin", "champion").to_frame()
print(frame.to_string())

# %% [markdown]
# ## Encode with the champion
# Unit vectors, so the inner product is the cosine.

# %%
encoder = workspace.encoder("champion")
queries = encoder.encode(["How do I log a metric?", "Sort an array."])
documents = encoder.encode(["log_metric(key, value)", "sort(a, axis)"], kind="document")
print(np.round(queries @ documents.T, 2))

# %%
workspace.close()
