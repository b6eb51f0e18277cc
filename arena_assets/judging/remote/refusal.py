"""Whether an answer declines to judge: then no number in it is a verdict, whatever form it has."""

from __future__ import annotations

import re

from arena_assets.judging.remote.quotation import hide_quotations

_IN = r"[^.!?\n。！？]"  # within one sentence
# Only where a sentence begins: "it says I cannot help" is about a response that refuses, and judges it.
_NEW = r"(?:^|(?<=[.!?。\n]))[\s*_\"'>#-]*"
_BEGIN = (
    rf"{_NEW}(?:(?:i['’]?m|i am)?\s*(?:very |so |truly )?sorry,?\s*(?:but\s+)?|"
    rf"(?:unfortunately|however|apologies|i apologi[sz]e),?\s*(?:but\s+)?|as an? {_IN}{{0,40}}?,?\s*)?(?:I|we)\b"
)
_UNABLE = (
    r"(?:can\s?not|can['’]?t|could\s?n['’]?t|won['’]?t|will not|would rather not|"
    r"(?:am|['’]m|are|['’]re)\s+(?:not (?:able|going|willing|comfortable)|unable|unwilling)|"
    r"(?:must |have to )?(?:respectfully )?(?:decline|refuse)|(?:do not|don['’]?t) feel comfortable)"
)
_JUDGING = r"(?:rat|scor|judg|evaluat|assess|grad|help|assist|compl[yi]|provid|fulfil|engag|giv|assign|offer)\w*"
_OBJECT = (
    r"(?:this|that|it|such|you|here|the (?:response|answer|request|text|content|prompt|story)|"
    r"an? (?:\w+ )?(?:score|rating|grade|number|verdict))"
)
# "I cannot give it more than 5" and "I can't rate this with certainty, but" are judgements all the same.
_COMPARED = (
    r"(?:more|high|higher|lower|better|above|below|beyond|than|full|perfect|top|maximum|but|however|yet|though)\b"
)
_ALL_THE_SAME = rf"(?!{_IN}*\b{_COMPARED})"

_REFUSALS = re.compile(
    "|".join(
        (
            rf"{_BEGIN}{_IN}{{0,15}}?\s?{_UNABLE}\b{_ALL_THE_SAME}{_IN}{{0,30}}?\b{_JUDGING}{_IN}{{0,30}}?\b{_OBJECT}\b",
            rf"{_BEGIN}{_IN}{{0,15}}?\s?{_UNABLE}(?:\s+(?:to\s+)?{_JUDGING})?\s*(?:[.!?\n]|$)",
            rf"{_NEW}(?:unable|cannot|can['’]?t|not able)\s+(?:to\s+)?{_JUDGING}"
            rf"(?:{_ALL_THE_SAME}{_IN}{{0,30}}?\b{_OBJECT}\b|\s*(?:[.!?:\n]|$))",
            rf"{_NEW}(?:refus(?:ed|al)|declined)\s*(?:[.!\n]|$)",
            rf"{_NEW}no (?:score|rating|verdict) (?:can|could|will) be\b",
            r"\b(?:cannot|can not|could not|must not|should not) be (?:rated|scored|judged|evaluated|assessed|graded)\b"
            rf"{_ALL_THE_SAME}",
            rf"\b(?:kann|werde|möchte|darf)\b{_IN}{{0,60}}\bnicht\b{_IN}{{0,40}}(?:bewert|beurteil|einschätz|benot)",
            rf"\b(?:ne peux pas|ne suis pas en mesure|refuse de){_IN}{{0,40}}(?:noter|évaluer|juger|attribuer)",
            rf"\bno (?:puedo|voy a|estoy en condiciones){_IN}{{0,40}}(?:calificar|evaluar|puntuar|juzgar|valorar)",
            rf"\bnão (?:posso|vou|consigo){_IN}{{0,40}}(?:avaliar|classificar|pontuar|julgar)",
            rf"\bnon (?:posso|sono in grado){_IN}{{0,40}}(?:valutare|giudicare|votare|assegnare)",
            rf"\bkan\b{_IN}{{0,40}}\bniet\b{_IN}{{0,30}}(?:beoordelen|scoren)",
            rf"\bnie mogę\b{_IN}{{0,30}}ocenia?ć",
            rf"\bне (?:могу|буду|в состоянии){_IN}{{0,40}}(?:оцен|судить)",
            rf"(?:无法|無法|不能|不会|拒绝|拒絕){_IN}{{0,12}}(?:评分|評分|评价|評價|评估|評估|打分)",
            rf"(?:評価|採点){_IN}{{0,12}}(?:できません|できない|いたしかねます)",
            rf"(?:평가|채점){_IN}{{0,10}}(?:없|않|거부)",
        )
    ),
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether `text` says, in one of the languages that judges answer in, that it will not or cannot judge."""
    lines = (line.strip() for line in hide_quotations(text).splitlines())
    return _REFUSALS.search("\n".join(line for line in lines if line)) is not None
