"""Words that are too frequent to tell Documents apart: articles, conjunctions, common prepositions and pronouns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STOP_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    language: tuple(words.split())
    for language, words in {
        "english": "a an and are as at be but by for if in into is it no not of on or such that the their then there "
        "these they this to was will with",
        "german": "aber als am an auch auf aus bei bin bis das dass dem den der des die du ein eine einem einen einer "
        "eines er es für hat ich ihr im in ist mit nach nicht oder sich sie sind so und uns vom von vor war was wie "
        "wir zu zum zur",
        "french": "à au aux avec ce ces dans de des du elle en et eux il ils je la le les leur lui ma mais me mes moi "
        "mon ne nos notre nous ou par pas pour que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous",
        "spanish": "a al como con de del el ella ellas ellos en es esta este la las le les lo los más me mi muy no nos "
        "o para pero por que se si sin sobre su sus te tu un una uno y ya yo",
        "italian": "a ad ai al alla alle anche che chi ci come con da dal dei del della delle di e ed è gli i il in io "
        "la le lei lo loro lui ma mi ne nel nella noi non o per più se si su sul tra tu un una uno voi",
        "portuguese": "a ao aos as com como da das de do dos e ela ele em entre essa esse esta este eu já mais mas me "
        "muito na não nas no nos o os ou para pela pelo por que se sem seu sua também um uma você",
        "dutch": "aan als bij dan dat de die dit door een en er haar heb het hij hoe hun ik in is je maar met mijn na "
        "naar niet nog of om ons ook op over te tot uit van voor was wat we wij ze zich zij zijn zo",
    }.items()
}
"""By language; others have none."""
