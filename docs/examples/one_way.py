"""The whole way in one script: a process, its tasks, a certified solution, a proposal, a check."""

import metaregret as mr

process = mr.make("grid:3x3,slip=1/10", horizon=4)  # also a file, arrays, a Gymnasium environment
tasks = mr.goals(process, detect="end")  # mr.trajectories and mr.rewards likewise
solution = mr.solve(tasks, learner="memoryless", episodes=None, exact=True)
print(solution)  # what `metaregret solve` prints first
print(float(solution.value), f"{solution.value:.4f}", solution.least_favourable["4"])

solution.to_frame()
solution.to_json("s.json")
solution.to_latex()
solution.plot()
solution.certificate("c.json")

proposal = mr.propose(process, "capacity")
print(proposal.regret, proposal.price)

plan = mr.plan(process, goal="8", exact=True)
print(plan.value, plan.policy.first()["0"] if plan.policy is not None else "")
print(mr.compare(process, ["capacity", "uniform"], memory=False).to_frame()[["method", "price"]])

assert mr.check("c.json")
assert mr.verify("T04").as_expected
