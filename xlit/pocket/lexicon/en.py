"""English: frames, and the words of dev and test. The words of train are in `english_train`."""

from xlit.pocket.lexicon.english_train import TRAIN
from xlit.pocket.lexicon.form import Lexicon, words

DEV = words(
    names="Sara Nina Eva Clara Diana Olga",
    values={
        "home": "Paris | Delhi | Moscow | Boston",
        "job": "a teacher | a cook | a dentist | a translator",
        "place": "in the bathroom | at the bank | at the stadium | at the railway station",
        "act": "listening to the radio | knitting a scarf | drawing a map | combing her hair",
        "food": "bread | eggs | salad | mushrooms",
        "buy": "a chair | soap | a candle | a broom",
        "pet": "a dog | a horse | a duck | a mouse",
    },
    scenes="""
frost: The temperature fell below zero | The lake froze
lightning: Lightning struck the barn | The roof was in flames
tap: {s} let the tap run | The bathtub overflowed
loaf: {s} baked fresh bread | A lovely smell filled the house
dust: There was dust in the air | {s} sneezed
voice: {s} sang for hours | {s} lost her voice
bus: The bus broke down | The passengers had to walk
ship: The ship hit a rock | The ship sank
umbrella: {s} forgot her umbrella | {s} got wet
bulb: The light bulb was broken | {s} changed the bulb
wolf: A wolf came near | The sheep ran away
toy: The baby lost its toy | The baby cried
race: {s} trained every week | {s} won the race
game: {s} cheated in the game | Nobody wanted to play with her
boss: {s} quarrelled with her boss | {s} quit her job
museum: Admission was free | There was a long queue at the museum
sweets: {s} ate too many sweets | {s} had a stomach ache
knife: The knife slipped | {s} cut her finger
paint: The paint was still wet | There was a stain on her jacket
rope: The rope snapped | The boat drifted away
""",
)

TEST = words(
    names="Mary Jane Nancy Carmen Helen Sophie Ingrid Lucy Emma Laura Julia Anna",
    values={
        "home": "Oslo | Cairo | Lima | Tokyo | Rome | Havana | Athens | Nairobi",
        "job": "a nurse | a baker | a painter | a pilot | a lawyer | a gardener | a seamstress | a journalist",
        "place": "in the kitchen | in the library | at the airport | in the hospital | at the market | in the museum | on the beach | in the garden",
        "act": "drinking tea | reading a newspaper | writing a letter | playing chess | washing the dishes | singing a song | peeling potatoes | repairing a bicycle",
        "food": "rice | fish | meat | cheese | honey | pizza | beans | chocolate",
        "buy": "a lamp | a hat | a knife | an umbrella | a carpet | a mirror | a watch | a ring",
        "pet": "a cat | a parrot | a rabbit | a goat | a turtle | a snake | a hen | a monkey",
    },
    scenes="""
rain: It rained all night | The streets were under water
drought: There was no rain for months | The fields dried up
snow: It snowed heavily | The children built a snowman
storm: A strong storm swept over the village | Many trees fell down
glass: {s} dropped the glass | The glass shattered
cake: {s} forgot the cake in the oven | The cake burned
salt: {s} put too much salt in the soup | Nobody wanted to eat the soup
milk: The milk stood in the sun all day | The milk went sour
tooth: {s} had a toothache | {s} went to the dentist
stairs: {s} fell down the stairs | {s} broke her leg
fever: {s} had a high fever | {s} stayed in bed
onion: {s} chopped an onion | {s} had tears in her eyes
petrol: The car ran out of petrol | The car stopped on the road
fog: There was thick fog at the airport | All flights were cancelled
nail: {s} drove over a nail | The tyre lost air
bridge: The bridge was closed | The drivers took another road
train: {s} came to the station late | {s} missed the train
thief: A thief stole her handbag | {s} called the police
power: The electricity went out | {s} lit a candle
fire: A fire broke out in the hotel | The firefighters came quickly
heating: The heating was broken | It was cold in the room
lift: The lift was not working | {s} took the stairs
key: {s} lost her key | {s} could not open the door
noise: The neighbours played loud music | {s} could not sleep
dog: The dog heard a stranger | The dog barked
cat: The cat saw a mouse | The cat chased the mouse
bee: {s} touched a bee | Her finger swelled up
fox: A fox got into the henhouse | The hens were gone in the morning
exam: {s} studied hard | {s} passed the exam
homework: {s} did not do her homework | The teacher was angry
spectacles: {s} left her glasses at home | {s} could not read the text
lottery: {s} won the lottery | {s} bought a big house
factory: The factory closed | Many workers lost their jobs
salary: {s} did very good work | {s} got a higher salary
birthday: {s} had her birthday | Her friends brought presents
sunburn: {s} lay in the sun too long | Her skin turned red
hunger: {s} had not eaten since morning | {s} was very hungry
homesick: {s} was homesick | {s} phoned her mother
thirst: {s} ran ten kilometres | {s} drank a lot of water
coffee: {s} slept badly | {s} drank three cups of coffee
dress: {s} spilled wine on her dress | {s} washed the dress
shoes: The shoes were too small | Her feet hurt
shirt: The shirt had a hole | {s} mended the shirt
trousers: {s} gained weight | The trousers no longer fit
phone: The phone battery was empty | {s} could not make a call
virus: A virus infected the computer | All files were lost
film: The film was boring | {s} fell asleep in the cinema
joke: {s} told a joke | Everybody laughed
flowers: {s} watered the flowers every day | The flowers grew well
goal: The player scored a goal | The fans cheered
""",
)

LEXICON = Lexicon(
    subjects={"s": ("{n}", "she")},
    frames={
        "home": ("{s} lives in {v}", "{s} has her home in {v}"),
        "job": ("{s} works as {v}", "{s} earns her living as {v}"),
        "place": ("{s} is {v} right now", "at the moment {s} can be found {v}"),
        "act": ("{s} is {v} right now", "at the moment {s} is {v}"),
        "food": ("{s} likes to eat {v} best", "{s} prefers {v} to all other food"),
        "buy": ("{s} bought only {v} yesterday", "yesterday {s} bought nothing but {v}"),
        "pet": ("{s} has only one pet, {v}", "{s} keeps just one animal, {v}"),
    },
    splits={"train": TRAIN, "dev": DEV, "test": TEST},
)
