"""A claim over HTTP, as the page of a queue makes it."""


def claim(client, region, **extra):
    reply = client.post("/api/review/changes/claim/", {"region": region.pk, **extra}, format="json")
    assert reply.status_code == 200, reply.content
    return reply.json()
