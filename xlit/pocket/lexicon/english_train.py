"""The English words of train. None of their content words occurs in dev or test."""

from xlit.pocket.lexicon.form import words

TRAIN = words(
    names=(
        "Alice Betty Carol Doris Edith Fiona Grace Hannah Irene Joan Karen Linda "
        "Megan Norma Pamela Rachel Susan Tina Vera Wendy Zoe Brenda Denise Molly"
    ),
    values={
        "home": "London | Madrid | Berlin | Vienna | Lisbon | Dublin | Prague | Warsaw | Helsinki | Budapest | Istanbul | Tehran | Baghdad | Mumbai | Jakarta | Manila | Seoul | Sydney | Toronto | Chicago | Bogota | Santiago | Lagos | Dakar",
        "job": "a farmer | a librarian | an engineer | a waitress | a plumber | an actress | a hairdresser | a chemist | a judge | a soldier | a fisherwoman | a bricklayer | a driver | a photographer | an accountant | a surgeon | a carpenter | a butcher | a florist | a programmer | a dancer | a midwife | a secretary | a postwoman",
        "place": "in the office | in the cellar | at the harbour | in the forest | at the theatre | in the attic | at the swimming pool | in the restaurant | at the embassy | in the stable | at the pharmacy | on the balcony | in the garage | at the university | in the castle | on the terrace | at the zoo | in the laboratory | at the town hall | in the tunnel | at the post office | on the ferry | in the bakery shop | at the fair",
        "act": "eating a sandwich | painting a wall | counting coins | folding towels | ironing a blouse | feeding an infant | typing a report | polishing a spoon | packing a suitcase | planting a bush | cleaning a window | juggling oranges | solving a puzzle | mixing a cocktail | doing yoga | sharpening pencils | stirring jam | sweeping leaves | wrapping a parcel | learning a poem | slicing a melon | watching a cartoon | practising the violin | loading a lorry",
        "food": "noodles | chicken | apples | lentils | sausages | pancakes | spinach | yoghurt | shrimps | porridge | pumpkin | grapes | ham | cabbage | peanuts | bananas | carrots | steak | biscuits | strawberries | tofu | olives | pears | waffles",
        "buy": "a hammer | a basket | a pillow | a shovel | a vase | a guitar | a purse | a bucket | a kettle | a sofa | a ladder | a whistle | a blanket | a bottle opener | a necklace | a calendar | a tent | a pair of scissors | a telescope | a drum | a comb | a saucepan | a stamp | a rucksack",
        "pet": "a canary | a hamster | a donkey | a goldfish | a pig | a lizard | a pigeon | a spider | a ferret | a goose | a frog | a llama | a hedgehog | a crow | a calf | a squirrel | an owl | a camel | a ram | a cricket | a turkey | a crab | a guinea pig | a swan",
    },
    scenes="""
avalanche: Too much loose rubble lay on the slope | A landslide buried the valley
flood: The dam collapsed | The river flooded the meadows
earthquake: An earthquake shook the town | Several walls cracked
hail: Hail battered the vineyard | The grapes were ruined
volcano: The volcano erupted | Ash covered the island
tide: The tide came in | The sandcastle disappeared
icicle: The frozen gutter began to drip | An icicle formed on the gutter
moon: Clouds hid the moon | The path was pitch dark
wind: A breeze rose in the afternoon | The sailors hoisted the sails
autumn: Autumn arrived | The leaves turned yellow
kettle: {s} put the kettle on the stove | The kettle began to whistle
rice: The pot boiled over | The stove got filthy
pepper: {s} bit into a chili | {s} felt her tongue burning
egg: The hammer cracked against the porcelain figure | The porcelain figure went to pieces
fridge: The fridge remained ajar | The butter got soft
ants: {s} scattered sugar on the floor | Ants crawled over the floor
mould: {s} kept the cheesecake for weeks | Mould covered the cheesecake
dough: {s} added yeast to the dough | The dough rose
juice: {s} squeezed ten oranges | {s} poured the juice into a jug
popcorn: {s} heated the corn kernels | The corn kernels popped
fishbone: {s} choked on a bone | {s} coughed violently
allergy: {s} is allergic to peanuts | {s} sent back the peanut sauce
cough: {s} smoked a lot of cigarettes | {s} damaged her lungs
blister: {s} walked in stiff boots | {s} got a blister
back: {s} lifted a heavy trunk | {s} strained her back
eye: A grain of sand flew into her eye | {s} rubbed her eye
vaccine: {s} was afraid of the measles | {s} asked for a vaccination
pregnant: {s} was expecting twins | {s} ordered a double pram
deaf: {s} could hardly hear | {s} ordered a hearing aid
mosquito: Mosquitoes bit her arm | {s} scratched her arm
dizzy: {s} spun on the carousel | {s} felt dizzy
scar: {s} scraped her knee on the gravel | A scar remained on her knee
brakes: The brakes of the lorry failed | The lorry crashed into a fence
speed: {s} was speeding on the motorway | {s} had to pay a fine
ticket: {s} had no valid ticket | The conductor threw her out
jam: There was an accident in the tunnel | A traffic jam formed in the tunnel
bicycle: The chain of the scooter came off | {s} pushed the scooter to a workshop
taxi: {s} carried two bulky trunks | {s} hailed a taxi
seasick: The ferry rolled from side to side | {s} got seasick
passport: The passport had expired | The border guard turned her away
map: {s} followed the wrong signpost | {s} got lost in the forest
pilot: The landing gear was jammed | The plane circled over the runway
leak: There was a leak above the attic | The attic became damp
pipe: A pipe burst in the cellar | {s} sent for a plumber
curtain: The sunlight blinded her | {s} drew the curtains
chimney: The chimney was blocked | The cottage was thick with smoke
moths: Moths lived in the wardrobe | Her woollen jumper was riddled
rats: There were rats in the cellar | {s} set traps
doorbell: The courier rang the doorbell | {s} went to the entrance
vacuum: Crumbs lay all over the rug | {s} fetched the vacuum cleaner
lawn: The grass grew tall | {s} mowed the lawn
weeds: Weeds covered the vegetable patch | {s} pulled out the weeds
rent: {s} did not pay the rent | The landlord evicted her
burglar: The alarm rang | The burglars fled
safe: The jewels were precious | {s} locked the jewels in a safe
squirrel: The squirrel gathered nuts | The squirrel had supplies for the winter
swallow: Winter was near | The swallows flew south
spider: A fly got caught in the web | The spider ate the fly
parrot: The cage was left unlocked | The canary flew away
hook: The trout bit on the hook | {s} pulled the trout out of the pond
horse: A firecracker frightened the donkey | The donkey bolted
goose: The goose brooded for a month | The goslings hatched
hedgehog: {s} picked up a hedgehog | The spines pricked her
skunk: A skunk felt threatened | The skunk sprayed a horrible stench
kennel: The puppy chewed her slippers | {s} scolded the puppy
bell: The school bell rang | The pupils ran out to the playground
chalk: The blackboard was full | {s} wiped the blackboard
essay: The essay was full of mistakes | {s} got a bad mark for the essay
scholarship: {s} was the best in her class | {s} was given a scholarship
library: The novel was overdue | {s} paid a fee at the counter
pencil: The pencil was blunt | {s} looked for a sharpener
ink: The pen leaked | There was ink on her hands
whisper: {s} whispered in the lecture | The lecturer told her to be quiet
strike: The miners demanded better wages | The miners went on strike
harvest: The harvest was poor | The price of wheat climbed
advert: The company advertised on television | The company gained customers
debt: {s} borrowed from the credit union | {s} was in debt
bankrupt: Sales collapsed | The company went bankrupt
interview: {s} lied in the interview | The company rejected her
deadline: The deadline was very close | {s} worked overtime at the office
retire: {s} turned sixty-five | {s} retired
uniform: {s} joined the army | {s} put on a uniform
medal: {s} saved a drowning boy | {s} was awarded a medal
sauna: {s} sat in the sauna | {s} sweated
gym: {s} lifted weights at the gym | Her muscles got stronger
diet: {s} went on a diet | {s} became slimmer
snoring: Her husband snored | {s} bought earplugs
alarm: The alarm clock did not go off | {s} overslept
nightmare: {s} had a nightmare | {s} woke up screaming
vote: The mayor was popular | The citizens re-elected the mayor
trial: The jury believed the witness | The accused was found guilty
prison: The guard left the gate unlocked | A prisoner escaped
war: The enemy attacked | The inhabitants hid in bunkers
tax: The government raised taxes | The citizens protested
statue: The sculptor chiselled the marble | A statue took shape
concert: The concert was excellent | The audience applauded
ghost: {s} believed in ghosts | {s} avoided the old castle
magician: The magician pulled a dove out of his sleeve | The spectators were amazed
camera: The camera flashed | {s} blinked
internet: The router was unplugged | The website did not load
password: {s} mistyped the password | The account was locked
printer: The printer had no paper | The report was not printed
keyboard: {s} poured lemonade over the keyboard | Several letters stopped responding
magnet: {s} held a magnet over the pins | The pins stuck to the magnet
balloon: The needle pierced the balloon | The balloon burst
kite: {s} lost hold of the string | The kite disappeared
swing: {s} gave the swing a push | The swing moved back and forth
dice: {s} rolled a six | {s} moved her piece on the board
referee: The defender fouled the striker | The referee blew the whistle
skates: The rink was slippery | The skater tumbled
tent: Stakes were missing | The tent collapsed
campfire: The campers rubbed sticks together | A campfire blazed
honey: The bear smelled food | The bear raided the campsite
scissors: Her fringe hung over her eyebrows | {s} visited the hairdresser
lipstick: {s} kissed his cheek | There was lipstick on his cheek
perfume: {s} sprayed perfume on her wrist | Her wrist smelled of roses
button: A button was missing on her blouse | {s} got out a needle and thread
iron: The blouse was crumpled | {s} plugged in the iron
laundry: A crimson sock got among the white towels | The towels turned pink
zip: The zip of the anorak jammed | {s} could not take off the anorak
scarf: {s} shivered | {s} put on a cardigan
hat: A gust caught her bonnet | {s} ran after her bonnet
ring: {s} got engaged | {s} wore a diamond
divorce: Her husband betrayed her | {s} filed for divorce
nappy: The infant was due for a change | {s} looked for a nappy
candles: {s} wished for a pony | {s} blew out the candles
funeral: Her uncle died | {s} wore black
gossip: {s} spread a rumour | Her reputation suffered
apology: {s} broke a promise | {s} apologised
thanks: A boy helped her across the junction | {s} thanked the boy
lonely: {s} was lonely | {s} joined a choir
shy: {s} was shy | {s} blushed at the greeting
sieve: The flour was full of lumps | {s} sifted the flour
toast: {s} set the toaster wrongly | The toast got black
cork: The cork stuck in the bottle | {s} fetched a corkscrew
tea_towel: {s} rinsed the plates | {s} rubbed the plates with a towel
straw: The milkshake was thick | {s} sucked strongly on the straw
recipe: {s} had no cookbook | {s} asked her aunt for a recipe
spice: {s} ran out of cinnamon | {s} borrowed cinnamon from the grocer
barbecue: {s} piled charcoal on the grill | {s} grilled the sausages
vegetarian: {s} felt sorry for animals | {s} became a vegetarian
crumbs: {s} scattered crumbs in the park | Pigeons pecked at the crumbs
fleas: The kitten had fleas | {s} bought flea powder
leash: {s} took the poodle off the leash | The poodle raced across the park
aquarium: The aquarium cracked | The goldfish died
vet: The hamster was ill | {s} hurried to the vet with the hamster
saddle: The saddle was loose | The rider slid off the pony
milking: The calf sucked at the udder | The calf grew plump
beehive: {s} kept beehives | {s} harvested jars of nectar
scarecrow: Crows pecked at the seeds | {s} set up a scarecrow
bait: {s} put a worm on the hook | A carp swallowed the worm
shell: The tortoise sensed danger | The tortoise pulled in its head
guitar: A guitar string tore | {s} tuned a new guitar string
drum: {s} practised the drums at midnight | The tenants complained about the drums
choir: The choir had a solo to fill | {s} auditioned for the choir
painting: The painting hung crooked | {s} straightened the painting
frame: The picture frame was dusty | {s} dusted the picture frame
brush: The brush was stiff with varnish | {s} soaked the brush in turpentine
museum_theft: The sculpture was priceless | The curator hired a watchman
novel: The novel was thrilling | {s} devoured the novel until dawn
diary: Her brother opened her diary | {s} hid the diary
poem: {s} was in love | {s} wrote a poem for her sweetheart
valentine: {s} fancied the waiter | {s} smiled at the waiter
snake_plant: {s} never gave the cactus sunlight | The cactus withered
seed: {s} sowed carrot seeds | Carrots sprouted in the patch
fertiliser: {s} spread manure on the vegetable patch | The pumpkins became huge
hedge: The hedge was overgrown | {s} trimmed the hedge
pond: The pond was stagnant | Algae spread in the pond
well: {s} lowered the bucket | {s} hauled up the bucket
mirror_ball: The spotlight was aimed at the singer | The singer squinted
glue: The handle of the mug came loose | {s} glued the handle to the mug
screw: The hinge was missing a screw | The gate was hanging crooked
hammer: {s} was careless with the hammer | {s} bruised her thumb
plank: {s} sawed a plank | Sawdust lay on the workbench
ladder: The apples hung far up in the branches | {s} leaned a ladder against the branches
wasps: Wasps nested in the gutter | {s} hired a pest controller
rust: The tricycle bell was damp for weeks | The tricycle bell was rusty
chain: {s} oiled the squeaky pedals | The pedals were silent
helmet: {s} wore a helmet on the scooter | {s} survived the crash
seatbelt: The captain expected turbulence | The stewardess told everyone to buckle up
luggage: The luggage was overweight | {s} paid a surcharge for the luggage
customs: {s} smuggled cigars | The customs officer arrested her
visa: The consulate refused a visa | {s} abandoned her trip
hotel: The hostel was fully booked | {s} pitched a tent in the woods
souvenir: {s} loved the island | {s} collected souvenirs of the island
volunteer: The charity lacked volunteers | {s} offered the charity her help
blood: The clinic was short of blood | {s} donated blood
glove: {s} made snowballs without gloves | Her fingers were numb
sled: The slope was icy | The sled raced downhill
ski: {s} crashed on the ski slope | {s} needed crutches
swim: The lifeguard spotted a shark | The lifeguard cleared the shore
oar: The rower lost an oar | The canoe went round in circles
chess: {s} blundered with her queen | {s} resigned the match
card: {s} was dealt four aces | {s} raised the bet
marathon: {s} sprained her ankle | {s} gave up the marathon
trophy: The team were champions | The captain lifted the trophy
boxing: The boxer landed a punch | The opponent was knocked out
record: The sprinter was faster than all rivals | The sprinter set a record
audience: The singer lost the lyrics | The audience booed
encore: The pianist was brilliant | The audience demanded an encore
""",
)
