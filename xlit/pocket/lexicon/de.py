"""German. A value of "act" is split at "~" where the adverb, or the subject, goes between."""

from xlit.pocket.lexicon.form import Lexicon, words

DEV = words(
    names="Sara Nina Eva Clara Diana Olga",
    values={
        "home": "Paris | Delhi | Moskau | Boston",
        "job": "Lehrerin | Köchin | Zahnärztin | Übersetzerin",
        "place": "im Badezimmer | in der Bank | im Stadion | am Bahnhof",
        "act": "hört ~ Radio | strickt ~ einen Schal | zeichnet ~ eine Landkarte | bürstet ~ ihre Haare",
        "food": "Brot | Eier | Salat | Pilze",
        "buy": "einen Stuhl | Seife | eine Kerze | einen Besen",
        "pet": "einen Hund | ein Pferd | eine Ente | eine Maus",
    },
    scenes="""
frost: Die Temperatur fiel unter null | Der See fror zu
lightning: Der Blitz schlug in die Scheune ein | Das Dach stand in Flammen
tap: {s} ließ den Wasserhahn laufen | Die Badewanne lief über
loaf: {s} backte frisches Brot | Ein herrlicher Duft erfüllte das Haus
dust: In der Luft war Staub | {s} musste niesen
voice: {s} sang stundenlang | {s} verlor ihre Stimme
bus: Der Bus hatte eine Panne | Die Fahrgäste mussten zu Fuß gehen
ship: Das Schiff lief auf einen Felsen | Das Schiff sank
umbrella: {s} vergaß ihren Regenschirm | {s} wurde nass
bulb: Die Glühbirne war kaputt | {s} wechselte die Glühbirne
wolf: Ein Wolf kam näher | Die Schafe liefen weg
toy: Das Baby verlor sein Spielzeug | Das Baby weinte
race: {s} trainierte jede Woche | {s} gewann das Rennen
game: {s} schummelte beim Spiel | Niemand wollte mit ihr spielen
boss: {s} stritt sich mit ihrem Chef | {s} kündigte ihre Stelle
museum: Der Eintritt war frei | Vor dem Museum stand eine lange Schlange
sweets: {s} aß zu viele Süßigkeiten | {s} hatte Bauchschmerzen
knife: Das Messer rutschte ab | {s} schnitt sich in den Finger
paint: Die Farbe war noch feucht | Auf ihrer Jacke war ein Fleck
rope: Das Seil riss | Das Boot trieb davon
""",
)

TEST = words(
    names="Mary Jane Nancy Carmen Helen Sophie Ingrid Lucy Emma Laura Julia Anna",
    values={
        "home": "Oslo | Kairo | Lima | Tokio | Rom | Havanna | Athen | Nairobi",
        "job": "Krankenschwester | Bäckerin | Malerin | Pilotin | Anwältin | Gärtnerin | Schneiderin | Journalistin",
        "place": "in der Küche | in der Bibliothek | am Flughafen | im Krankenhaus | auf dem Markt | im Museum | am Strand | im Garten",
        "act": "trinkt ~ Tee | liest ~ eine Zeitung | schreibt ~ einen Brief | spielt ~ Schach | spült ~ das Geschirr | singt ~ ein Lied | schält ~ Kartoffeln | repariert ~ ein Fahrrad",
        "food": "Reis | Fisch | Fleisch | Käse | Honig | Pizza | Bohnen | Schokolade",
        "buy": "eine Lampe | einen Hut | ein Messer | einen Regenschirm | einen Teppich | einen Spiegel | eine Uhr | einen Ring",
        "pet": "eine Katze | einen Papagei | ein Kaninchen | eine Ziege | eine Schildkröte | eine Schlange | ein Huhn | einen Affen",
    },
    scenes="""
rain: Es regnete die ganze Nacht | Die Straßen standen unter Wasser
drought: Es gab monatelang keinen Regen | Die Felder vertrockneten
snow: Es schneite stark | Die Kinder bauten einen Schneemann
storm: Ein heftiger Sturm fegte über das Dorf | Viele Bäume stürzten um
glass: {s} ließ das Glas fallen | Das Glas zerbrach
cake: {s} vergaß den Kuchen im Ofen | Der Kuchen verbrannte
salt: {s} gab zu viel Salz in die Suppe | Niemand wollte die Suppe essen
milk: Die Milch stand den ganzen Tag in der Sonne | Die Milch wurde sauer
tooth: {s} hatte Zahnschmerzen | {s} ging zum Zahnarzt
stairs: {s} stürzte die Treppe hinunter | {s} brach sich das Bein
fever: {s} hatte hohes Fieber | {s} blieb im Bett
onion: {s} schnitt eine Zwiebel | {s} hatte Tränen in den Augen
petrol: Dem Auto ging das Benzin aus | Das Auto blieb auf der Straße stehen
fog: Am Flughafen herrschte dichter Nebel | Alle Flüge wurden gestrichen
nail: {s} fuhr über einen Nagel | Der Reifen verlor Luft
bridge: Die Brücke war gesperrt | Die Autofahrer nahmen einen anderen Weg
train: {s} kam zu spät zum Bahnhof | {s} verpasste den Zug
thief: Ein Dieb stahl ihre Handtasche | {s} rief die Polizei
power: Der Strom fiel aus | {s} zündete eine Kerze an
fire: Im Hotel brach ein Feuer aus | Die Feuerwehr kam schnell
heating: Die Heizung war kaputt | Im Zimmer war es kalt
lift: Der Aufzug funktionierte nicht | {s} nahm die Treppe
key: {s} verlor ihren Schlüssel | {s} konnte die Tür nicht öffnen
noise: Die Nachbarn spielten laute Musik | {s} konnte nicht schlafen
dog: Der Hund hörte einen Fremden | Der Hund bellte
cat: Die Katze sah eine Maus | Die Katze jagte die Maus
bee: {s} berührte eine Biene | Ihr Finger schwoll an
fox: Ein Fuchs drang in den Hühnerstall ein | Am Morgen waren die Hühner weg
exam: {s} lernte fleißig | {s} bestand die Prüfung
homework: {s} machte ihre Hausaufgaben nicht | Die Lehrerin war verärgert
spectacles: {s} ließ ihre Brille zu Hause | {s} konnte den Text nicht lesen
lottery: {s} gewann im Lotto | {s} kaufte ein großes Haus
factory: Die Fabrik wurde geschlossen | Viele Arbeiter verloren ihre Stelle
salary: {s} leistete sehr gute Arbeit | {s} bekam ein höheres Gehalt
birthday: {s} hatte Geburtstag | Ihre Freunde brachten Geschenke mit
sunburn: {s} lag zu lange in der Sonne | Ihre Haut wurde rot
hunger: {s} hatte seit dem Morgen nichts gegessen | {s} war sehr hungrig
homesick: {s} hatte Heimweh | {s} rief ihre Mutter an
thirst: {s} lief zehn Kilometer | {s} trank viel Wasser
coffee: {s} schlief schlecht | {s} trank drei Tassen Kaffee
dress: {s} verschüttete Wein auf ihr Kleid | {s} wusch das Kleid
shoes: Die Schuhe waren zu klein | Ihre Füße taten weh
shirt: Das Hemd hatte ein Loch | {s} flickte das Hemd
trousers: {s} nahm zu | Die Hose passte nicht mehr
phone: Der Akku des Telefons war leer | {s} konnte nicht telefonieren
virus: Ein Virus befiel den Computer | Alle Dateien gingen verloren
film: Der Film war langweilig | {s} schlief im Kino ein
joke: {s} erzählte einen Witz | Alle lachten
flowers: {s} goss die Blumen jeden Tag | Die Blumen wuchsen gut
goal: Der Spieler schoss ein Tor | Die Fans jubelten
""",
)

LEXICON = Lexicon(
    subjects={"s": ("{n}", "sie")},
    frames={
        "home": ("{s} lebt in {v}", "{s} ist in {v} zu Hause"),
        "job": ("{s} arbeitet als {v}", "{s} verdient ihr Geld als {v}"),
        "place": ("{s} ist gerade {v}", "{s} befindet sich im Moment {v}"),
        "act": ("{s} {v1} gerade {v2}", "im Moment {v1} {s} {v2}"),
        "food": ("{s} isst am liebsten {v}", "{s} zieht {v} jedem anderen Essen vor"),
        "buy": ("{s} hat gestern nur {v} gekauft", "gestern hat {s} nichts als {v} gekauft"),
        "pet": (
            "{s} hat nur ein Haustier, und zwar {v}",
            "{s} hält nur ein einziges Tier, und zwar {v}",
        ),
    },
    splits={"dev": DEV, "test": TEST},
)
