"""Spanish. The pronoun subject is dropped."""

from xlit.pocket.lexicon.form import Lexicon, words

DEV = words(
    names="Sara Nina Eva Clara Diana Olga",
    values={
        "home": "París | Delhi | Moscú | Boston",
        "job": "maestra | cocinera | dentista | traductora",
        "place": "en el baño | en el banco | en el estadio | en la estación de tren",
        "act": "escuchando la radio | tejiendo una bufanda | dibujando un mapa | peinándose el cabello",
        "food": "pan | huevos | ensalada | setas",
        "buy": "una silla | jabón | una vela | una escoba",
        "pet": "un perro | un caballo | un pato | un ratón",
    },
    scenes="""
frost: La temperatura bajó de cero | El lago se congeló
lightning: Un rayo cayó en el granero | El techo estaba en llamas
tap: {s} dejó el grifo abierto | La bañera se desbordó
loaf: {s} horneó pan fresco | Un olor delicioso llenó la casa
dust: Había polvo en el aire | {s} estornudó
voice: {s} cantó durante horas | {s} perdió la voz
bus: El autobús se averió | Los pasajeros tuvieron que caminar
ship: El barco chocó contra una roca | El barco se hundió
umbrella: {s} olvidó su paraguas | {s} se mojó
bulb: La bombilla estaba rota | {s} cambió la bombilla
wolf: Un lobo se acercó | Las ovejas huyeron
toy: El bebé perdió su juguete | El bebé lloró
race: {s} entrenó todas las semanas | {s} ganó la carrera
game: {s} hizo trampas en el juego | Nadie quería jugar con ella
boss: {s} discutió con su jefe | {s} dejó su empleo
museum: La entrada era gratuita | Había una larga cola en el museo
sweets: {s} comió demasiados dulces | {s} tuvo dolor de estómago
knife: El cuchillo se resbaló | {s} se cortó el dedo
paint: La pintura todavía estaba fresca | Había una mancha en su chaqueta
rope: La cuerda se rompió | El bote se fue a la deriva
""",
)

TEST = words(
    names="Mary Jane Nancy Carmen Helen Sophie Ingrid Lucy Emma Laura Julia Anna",
    values={
        "home": "Oslo | El Cairo | Lima | Tokio | Roma | La Habana | Atenas | Nairobi",
        "job": "enfermera | panadera | pintora | piloto | abogada | jardinera | costurera | periodista",
        "place": "en la cocina | en la biblioteca | en el aeropuerto | en el hospital | en el mercado | en el museo | en la playa | en el jardín",
        "act": "bebiendo té | leyendo un periódico | escribiendo una carta | jugando al ajedrez | lavando los platos | cantando una canción | pelando patatas | reparando una bicicleta",
        "food": "arroz | pescado | carne | queso | miel | pizza | frijoles | chocolate",
        "buy": "una lámpara | un sombrero | un cuchillo | un paraguas | una alfombra | un espejo | un reloj | un anillo",
        "pet": "un gato | un loro | un conejo | una cabra | una tortuga | una serpiente | una gallina | un mono",
    },
    scenes="""
rain: Llovió toda la noche | Las calles quedaron bajo el agua
drought: No llovió durante meses | Los campos se secaron
snow: Nevó mucho | Los niños hicieron un muñeco de nieve
storm: Una fuerte tormenta azotó el pueblo | Muchos árboles cayeron
glass: {s} dejó caer el vaso | El vaso se hizo añicos
cake: {s} olvidó el pastel en el horno | El pastel se quemó
salt: {s} echó demasiada sal en la sopa | Nadie quería comer la sopa
milk: La leche estuvo todo el día al sol | La leche se agrió
tooth: {s} tenía dolor de muelas | {s} fue al dentista
stairs: {s} se cayó por las escaleras | {s} se rompió la pierna
fever: {s} tenía fiebre alta | {s} se quedó en la cama
onion: {s} cortó una cebolla | {s} tenía lágrimas en los ojos
petrol: El coche se quedó sin gasolina | El coche se detuvo en la carretera
fog: Había una niebla espesa en el aeropuerto | Todos los vuelos fueron cancelados
nail: {s} pasó con el coche por encima de un clavo | El neumático perdió aire
bridge: El puente estaba cerrado | Los conductores tomaron otro camino
train: {s} llegó tarde a la estación | {s} perdió el tren
thief: Un ladrón robó su bolso | {s} llamó a la policía
power: Se fue la luz | {s} encendió una vela
fire: Se produjo un incendio en el hotel | Los bomberos llegaron rápidamente
heating: La calefacción estaba averiada | Hacía frío en la habitación
lift: El ascensor no funcionaba | {s} subió por las escaleras
key: {s} perdió su llave | {s} no pudo abrir la puerta
noise: Los vecinos ponían música a todo volumen | {s} no podía dormir
dog: El perro oyó a un extraño | El perro ladró
cat: El gato vio un ratón | El gato persiguió al ratón
bee: {s} tocó una abeja | Su dedo se hinchó
fox: Un zorro entró en el gallinero | Por la mañana las gallinas habían desaparecido
exam: {s} estudió mucho | {s} aprobó el examen
homework: {s} no hizo los deberes | La profesora se enfadó
spectacles: {s} dejó sus gafas en casa | {s} no pudo leer el texto
lottery: {s} ganó la lotería | {s} compró una casa grande
factory: La fábrica cerró | Muchos trabajadores perdieron su empleo
salary: {s} hizo muy bien su trabajo | {s} recibió un salario más alto
birthday: {s} celebró su cumpleaños | Sus amigos trajeron regalos
sunburn: {s} estuvo demasiado tiempo tumbada al sol | Su piel se puso roja
hunger: {s} no había comido desde la mañana | {s} tenía mucha hambre
homesick: {s} echaba de menos su hogar | {s} llamó por teléfono a su madre
thirst: {s} corrió diez kilómetros | {s} bebió mucha agua
coffee: {s} durmió mal | {s} bebió tres tazas de café
dress: {s} derramó vino en su vestido | {s} lavó el vestido
shoes: Los zapatos eran demasiado pequeños | Le dolían los pies
shirt: La camisa tenía un agujero | {s} remendó la camisa
trousers: {s} subió de peso | Los pantalones ya no le quedaban bien
phone: La batería del teléfono estaba agotada | {s} no pudo hacer una llamada
virus: Un virus infectó el ordenador | Se perdieron todos los archivos
film: La película era aburrida | {s} se durmió en el cine
joke: {s} contó un chiste | Todos se rieron
flowers: {s} regó las flores todos los días | Las flores crecieron bien
goal: El jugador marcó un gol | Los aficionados lo celebraron
""",
)

LEXICON = Lexicon(
    subjects={"s": ("{n}", "")},
    frames={
        "home": ("{s} vive en {v}", "{s} tiene su casa en {v}"),
        "job": ("{s} trabaja como {v}", "{s} se gana la vida como {v}"),
        "place": ("{s} está ahora {v}", "en este momento {s} se encuentra {v}"),
        "act": ("{s} está {v} ahora mismo", "en este momento {s} está {v}"),
        "food": ("{s} prefiere comer {v}", "{s} disfruta comiendo {v} más que cualquier otra cosa"),
        "buy": ("{s} solo compró {v} ayer", "ayer {s} no compró más que {v}"),
        "pet": ("{s} tiene una sola mascota, {v}", "{s} cuida un único animal, {v}"),
    },
    splits={"dev": DEV, "test": TEST},
)
