"""placeholder"""

def test_world(world):
    c = world.client("caseworker.main")
    r = c.get("/admin/beneficiary/")
    assert "Καναρινίδης" in r.text and "Σπουργιτίδης" not in r.text
    r = c.submit(f"/admin/beneficiary/edit/?id={world.rows['main']['beneficiary']}", phone="2521057206")
    assert r.status_code == 302, r.text
    r = c.get(r.headers["Location"])
    assert "2521" in r.text
