# Says what answers as Ray at an address: one line, MARK ray {...}. Sent behind the agent's ray_http.py, which asks. Python 3.6 or later.
import sys

MARK, ADDRESS = sys.argv[1], sys.argv[2]
# What every node has, which nobody asks for.
UNASKED = ("node:", "accelerator_type:", "memory", "object_store_memory")

found = {"version": "", "nodes": 0, "resources": [], "problem": None}
try:
    found["version"] = str(ray_json(ADDRESS, "GET", "/api/version", seconds=15).get("ray_version", ""))
    listed = ray_json(ADDRESS, "GET", "/api/v0/nodes?limit=10000&detail=1", seconds=15)["data"]["result"]["result"]
    nodes = [node for node in listed if node.get("state") == "ALIVE"]
    amounts = {}
    for node in nodes:
        for name, amount in (node.get("resources_total") or {}).items():
            if not name.startswith(UNASKED):
                amounts.setdefault(name, []).append(amount)
    found["nodes"] = len(nodes)
    found["resources"] = [{"name": name, "total": sum(each), "most": max(each)} for name, each in sorted(amounts.items())][:50]
except NoAnswer as reason:
    found["problem"] = str(reason)
except (AttributeError, KeyError, TypeError):
    found["problem"] = "Ray at %s does not list its nodes in a way that is understood." % ADDRESS
print("%s ray %s" % (MARK, json.dumps(found)))
