import glob, collections
from pathlib import Path
import yaml
from dataclasses import replace
from crm_pipeline.odoo.schemas import load_schema
from crm_pipeline.proposals.vocabulary import *
from crm_pipeline.proposals.matching import *
from crm_pipeline.proposals.terms import tokens
gold={Path(f).stem: yaml.safe_load(open(f)) for f in sorted(glob.glob("benchmarks/gold/*.yaml"))}
base=general_vocabulary().with_labels(load_schema("18.0"))
def rows(crm):
    for o,s in gold[crm]["objects"].items():
        for h,t in s["headings"].items(): yield o,s["kind"],h,t.split("|")
def term(v,kind,o,h):
    own=object_words(v,kind,o); return variants(h,own)[-1]
tot=collections.Counter(); ev=collections.defaultdict(collections.Counter)
import sys
for crm in gold:
    others=[c for c in gold if c!=crm]
    seen=[(c,k,term(base,k,o,h),t[0]) for c in others for o,k,h,t in rows(c)]
    mine_terms={x for o,k,h,t in rows(crm) for x in variants(h,object_words(base,k,o))}
    their={x for c in others for o,k,h,t in rows(c) for x in variants(h,object_words(base,k,o))}
    labels={tokens(l) for k in base.labels.values() for l in k.values()}
    mw={w for x in mine_terms for w in x}; tw={w for x in their|labels for w in x}
    v=replace(base.without(mine_terms-their-labels, mw-tw), learnt=learn(seen))
    c=collections.Counter()
    for o,k,h,t in rows(crm):
        ms=read_name(v,k,o,h)
        top=[m.says for m in ms][:3]
        says=top[0] if top else "-"
        nf=[m for m in ms if m.says!="-"]
        has=t!=["-"] and "-" not in t
        if has:
            c["n"]+=1; c["r1"]+= bool(nf) and nf[0].says in t; c["r3"]+= any(m.says in t for m in nf[:3])
            if not any(m.says in t for m in nf[:3]): print("  MISS3",crm,o,h,t,[(m.says,round(m.score,2),m.evidence,m.term) for m in ms[:4]])
        if ms and ms[0].says!="-":
            m=ms[0]; margin = m.score-(ms[1].score if len(ms)>1 else 0)
            ok=m.says in t
            ev[m.evidence, m.origin, min(m.crms,2), margin>0.03][ok]+=1
            if not ok and m.evidence in ("same_words","same_meaning","but_for_filler"): print("  WRONG",crm,o,h,t,[(m.says,round(m.score,2),m.evidence,m.term,m.origin) for m in ms[:3]])
    print(crm, {k:c[k] for k in c}, round(c["r1"]/c["n"],3), round(c["r3"]/c["n"],3)); tot+=c
print(tot, tot["r1"]/tot["n"], tot["r3"]/tot["n"])
for k in sorted(ev, key=str): print(k, dict(ev[k]))
