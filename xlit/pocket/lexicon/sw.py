"""Swahili. Subjects are persons (class 1), so the verb prefix is always "a-"."""

from xlit.pocket.lexicon.form import Lexicon, words

DEV = words(
    names="Sara Nina Eva Clara Diana Olga",
    values={
        "home": "Paris | Delhi | Moscow | Boston",
        "job": "mwalimu | mpishi | daktari wa meno | mfasiri",
        "place": "bafuni | benki | uwanja wa michezo | kituo cha treni",
        "act": "anasikiliza redio | anafuma skafu | anachora ramani | anachana nywele",
        "food": "mkate | mayai | saladi | uyoga",
        "buy": "kiti | sabuni | mshumaa | ufagio",
        "pet": "mbwa | farasi | bata | panya",
    },
    scenes="""
frost: Halijoto ilishuka chini ya sifuri | Ziwa liliganda
lightning: Radi ilipiga ghala | Paa lilikuwa likiwaka moto
tap: {s} aliacha bomba wazi | Maji ya beseni yalifurika
loaf: {s} alioka mkate mpya | Harufu nzuri ilijaa nyumbani
dust: Kulikuwa na vumbi hewani | {s} alipiga chafya
voice: {s} aliimba kwa saa nyingi | {s} alipoteza sauti yake
bus: Basi liliharibika | Abiria walilazimika kutembea kwa miguu
ship: Meli iligonga mwamba | Meli ilizama
umbrella: {s} alisahau mwavuli wake | {s} alilowa
bulb: Balbu ya taa ilikuwa imeharibika | {s} alibadilisha balbu
wolf: Mbwa mwitu alikaribia | Kondoo walikimbia
toy: Mtoto mchanga alipoteza mwanasesere wake | Mtoto mchanga alilia
race: {s} alifanya mazoezi kila wiki | {s} alishinda mbio
game: {s} alidanganya katika mchezo | Hakuna mtu aliyetaka kucheza naye
boss: {s} aligombana na bosi wake | {s} aliacha kazi yake
museum: Kiingilio kilikuwa bure | Kulikuwa na foleni ndefu kwenye jumba la makumbusho
sweets: {s} alikula peremende nyingi mno | {s} aliumwa na tumbo
knife: Kisu kiliteleza | {s} alijikata kidole
paint: Rangi ilikuwa bado mbichi | Kulikuwa na doa kwenye koti lake
rope: Kamba ilikatika | Mashua ilipelekwa na maji
""",
)

TEST = words(
    names="Mary Jane Nancy Carmen Helen Sophie Ingrid Lucy Emma Laura Julia Anna",
    values={
        "home": "Oslo | Kairo | Lima | Tokyo | Roma | Havana | Athens | Nairobi",
        "job": "muuguzi | mwokaji | mchoraji | rubani | wakili | mtunza bustani | mshonaji | mwandishi wa habari",
        "place": "jikoni | maktabani | uwanja wa ndege | hospitalini | sokoni | kwenye jumba la makumbusho | ufukweni | bustanini",
        "act": "anakunywa chai | anasoma gazeti | anaandika barua | anacheza sataranji | anaosha vyombo | anaimba wimbo | anamenya viazi | anatengeneza baiskeli",
        "food": "wali | samaki | nyama | jibini | asali | piza | maharagwe | chokoleti",
        "buy": "taa | kofia | kisu | mwavuli | zulia | kioo | saa | pete",
        "pet": "paka | kasuku | sungura | mbuzi | kobe | nyoka | kuku | nyani",
    },
    scenes="""
rain: Mvua ilinyesha usiku kucha | Barabara zilijaa maji
drought: Hakukuwa na mvua kwa miezi mingi | Mashamba yalikauka
snow: Theluji nyingi ilianguka | Watoto walitengeneza sanamu ya theluji
storm: Dhoruba kali ilipiga kijiji | Miti mingi ilianguka
glass: {s} aliangusha glasi | Glasi ilivunjika
cake: {s} alisahau keki kwenye tanuri | Keki iliungua
salt: {s} alitia chumvi nyingi mno kwenye supu | Hakuna mtu aliyetaka kunywa supu
milk: Maziwa yalikaa juani siku nzima | Maziwa yaliharibika na kuwa machungu
tooth: {s} aliumwa na jino | {s} alikwenda kwa daktari wa meno
stairs: {s} alianguka kwenye ngazi | {s} alivunjika mguu
fever: {s} alikuwa na homa kali | {s} alibaki kitandani
onion: {s} alikata kitunguu | {s} alitokwa na machozi
petrol: Gari liliishiwa na petroli | Gari lilisimama barabarani
fog: Kulikuwa na ukungu mzito kwenye uwanja wa ndege | Safari zote za ndege zilifutwa
nail: {s} aliendesha gari juu ya msumari | Tairi lilipoteza hewa
bridge: Daraja lilifungwa | Madereva walipita njia nyingine
train: {s} alichelewa kufika kituoni | {s} alikosa treni
thief: Mwizi aliiba mkoba wake | {s} aliwaita polisi
power: Umeme ulikatika | {s} aliwasha mshumaa
fire: Moto ulizuka hotelini | Wazima moto walifika haraka
heating: Kipasha joto kilikuwa kimeharibika | Chumbani kulikuwa na baridi
lift: Lifti haikufanya kazi | {s} alipanda ngazi
key: {s} alipoteza ufunguo wake | {s} hakuweza kufungua mlango
noise: Majirani walipiga muziki kwa sauti kubwa | {s} hakuweza kulala
dog: Mbwa alisikia mgeni | Mbwa alibweka
cat: Paka alimwona panya | Paka alimfukuza panya
bee: {s} aligusa nyuki | Kidole chake kilivimba
fox: Mbweha aliingia kwenye banda la kuku | Asubuhi kuku hawakuwepo
exam: {s} alisoma kwa bidii | {s} alifaulu mtihani
homework: {s} hakufanya kazi yake ya nyumbani | Mwalimu alikasirika
spectacles: {s} aliacha miwani yake nyumbani | {s} hakuweza kusoma maandishi
lottery: {s} alishinda bahati nasibu | {s} alinunua nyumba kubwa
factory: Kiwanda kilifungwa | Wafanyakazi wengi walipoteza ajira zao
salary: {s} alifanya kazi vizuri sana | {s} alipata mshahara mkubwa zaidi
birthday: {s} alisherehekea siku yake ya kuzaliwa | Marafiki zake walileta zawadi
sunburn: {s} alilala juani kwa muda mrefu mno | Ngozi yake ikawa nyekundu
hunger: {s} hakuwa amekula tangu asubuhi | {s} alikuwa na njaa sana
homesick: {s} alikumbuka nyumbani | {s} alimpigia simu mama yake
thirst: {s} alikimbia kilomita kumi | {s} alikunywa maji mengi
coffee: {s} alilala vibaya | {s} alikunywa vikombe vitatu vya kahawa
dress: {s} alimwaga divai kwenye gauni lake | {s} alifua gauni
shoes: Viatu vilikuwa vidogo mno | Miguu yake iliuma
shirt: Shati lilikuwa na tundu | {s} alishona shati
trousers: {s} aliongezeka uzito | Suruali haikumtosha tena
phone: Betri ya simu iliisha chaji | {s} hakuweza kupiga simu
virus: Virusi viliingia kwenye kompyuta | Faili zote zilipotea
film: Filamu ilikuwa ya kuchosha | {s} alilala usingizi kwenye sinema
joke: {s} alisimulia mzaha | Watu wote walicheka
flowers: {s} alimwagilia maua maji kila siku | Maua yalikua vizuri
goal: Mchezaji alifunga bao | Mashabiki walishangilia
""",
)

LEXICON = Lexicon(
    subjects={"s": ("{n}", "")},
    frames={
        "home": ("{s} anaishi {v}", "{s} ana makazi yake {v}"),
        "job": ("{s} anafanya kazi kama {v}", "{s} anajipatia riziki kama {v}"),
        "place": ("{s} yuko {v} sasa", "kwa wakati huu {s} anapatikana {v}"),
        "act": ("{s} {v} sasa", "kwa wakati huu {s} {v}"),
        "food": ("{s} hupenda zaidi kula {v}", "{s} hupenda {v} kuliko vyakula vingine vyote"),
        "buy": ("{s} alinunua {v} tu jana", "jana {s} hakununua kitu kingine ila {v}"),
        "pet": ("{s} ana mnyama mmoja tu wa nyumbani, {v}", "{s} anafuga mnyama mmoja tu, {v}"),
    },
    splits={"dev": DEV, "test": TEST},
)
