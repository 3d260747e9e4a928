"""What a browser sends when something on the page is pressed, without a browser."""

import json


def upload(client, data, name="picture.png"):
    """Upload a file and describe it as the page's events do."""
    answer = client.post("/gradio_api/upload", files={"files": (name, data)})
    assert answer.status_code == 200, answer.text
    return described(answer.json()[0])


def described(path):
    """A file as Gradio's events name it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def press(client, element, values):
    """Press what has the id `element`; what came of it, as Gradio tells the browser."""
    answer = join(client, element, values)
    assert answer.status_code == 200, answer.text
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": "here"}) as told:
        for line in told.iter_lines():
            if line.startswith("data:"):
                message = json.loads(line.removeprefix("data:"))
                if message["msg"] == "process_completed":
                    return message
    raise AssertionError("nothing came of it")


def join(client, element, values, headers=None):
    """The answer to the event alone."""
    config = client.get("/config", headers=headers).json()
    (component,) = (
        part["id"] for part in config["components"] if part["props"].get("elem_id") == element
    )
    (index,) = (
        event["id"]
        for event in config["dependencies"]
        if any(target[0] == component for target in event["targets"]) and event["backend_fn"]
    )
    body = {"data": values, "fn_index": index, "session_hash": "here"}
    return client.post("/gradio_api/queue/join", json=body, headers=headers)
