def observe(answer, case):
    ids = case.ids(batch=2, seq=5)
    return {"stream": answer(case.model, case.layer, ids)}
