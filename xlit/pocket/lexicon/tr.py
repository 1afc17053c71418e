"""Turkish. The name never takes a suffix, so vowel harmony stays inside the phrases."""

from xlit.pocket.lexicon.form import Lexicon, words

DEV = words(
    names="Sara Nina Eva Clara Diana Olga",
    values={
        "home": "Paris | Delhi | Moskova | Boston",
        "job": "öğretmen | aşçı | diş hekimi | çevirmen",
        "place": "banyoda | bankada | stadyumda | tren istasyonunda",
        "act": "radyo dinliyor | atkı örüyor | harita çiziyor | saçını tarıyor",
        "food": "ekmek | yumurta | salata | mantar",
        "buy": "bir sandalye | sabun | bir mum | bir süpürge",
        "pet": "bir köpek | bir at | bir ördek | bir fare",
    },
    scenes="""
frost: Sıcaklık sıfırın altına düştü | Göl dondu
lightning: Ahıra yıldırım düştü | Çatı alevler içinde kaldı
tap: {s} musluğu açık bıraktı | Küvet taştı
loaf: {s} taze ekmek pişirdi | Evi güzel bir koku sardı
dust: Havada toz vardı | {s} hapşırdı
voice: {s} saatlerce şarkı söyledi | Sesi kısıldı
bus: Otobüs bozuldu | Yolcular yürümek zorunda kaldı
ship: Gemi kayaya çarptı | Gemi battı
umbrella: {s} şemsiyesini unuttu | {s} ıslandı
bulb: Ampul bozuktu | {s} ampulü değiştirdi
wolf: Bir kurt yaklaştı | Koyunlar kaçtı
toy: Bebek oyuncağını kaybetti | Bebek ağladı
race: {s} her hafta antrenman yaptı | {s} yarışı kazandı
game: {s} oyunda hile yaptı | Kimse onunla oynamak istemedi
boss: {s} patronuyla kavga etti | {s} işinden ayrıldı
museum: Giriş ücretsizdi | Müzenin önünde uzun bir kuyruk vardı
sweets: {s} çok fazla şeker yedi | Karnı ağrıdı
knife: Bıçak kaydı | {s} parmağını kesti
paint: Boya hâlâ ıslaktı | Ceketinde bir leke vardı
rope: Halat koptu | Tekne sürüklenip gitti
""",
)

TEST = words(
    names="Mary Jane Nancy Carmen Helen Sophie Ingrid Lucy Emma Laura Julia Anna",
    values={
        "home": "Oslo | Kahire | Lima | Tokyo | Roma | Havana | Atina | Nairobi",
        "job": "hemşire | fırıncı | ressam | pilot | avukat | bahçıvan | terzi | gazeteci",
        "place": "mutfakta | kütüphanede | havaalanında | hastanede | pazarda | müzede | plajda | bahçede",
        "act": "çay içiyor | gazete okuyor | mektup yazıyor | satranç oynuyor | bulaşık yıkıyor | şarkı söylüyor | patates soyuyor | bisiklet tamir ediyor",
        "food": "pilav | balık | et | peynir | bal | pizza | fasulye | çikolata",
        "buy": "bir lamba | bir şapka | bir bıçak | bir şemsiye | bir halı | bir ayna | bir saat | bir yüzük",
        "pet": "bir kedi | bir papağan | bir tavşan | bir keçi | bir kaplumbağa | bir yılan | bir tavuk | bir maymun",
    },
    scenes="""
rain: Bütün gece yağmur yağdı | Sokaklar su altında kaldı
drought: Aylarca yağmur yağmadı | Tarlalar kurudu
snow: Çok kar yağdı | Çocuklar kardan adam yaptı
storm: Köyde şiddetli bir fırtına çıktı | Birçok ağaç devrildi
glass: {s} bardağı düşürdü | Bardak kırıldı
cake: {s} keki fırında unuttu | Kek yandı
salt: {s} çorbaya çok fazla tuz koydu | Kimse çorbayı içmek istemedi
milk: Süt bütün gün güneşte kaldı | Süt ekşidi
tooth: Dişi ağrıyordu | {s} diş hekimine gitti
stairs: {s} merdivenden düştü | Bacağı kırıldı
fever: {s} yüksek ateşle hastalandı | {s} yatakta kaldı
onion: {s} soğan doğradı | Gözleri yaşardı
petrol: Arabanın benzini bitti | Araba yolda kaldı
fog: Havaalanında yoğun sis vardı | Bütün uçuşlar iptal edildi
nail: {s} arabayla bir çivinin üzerinden geçti | Lastiğin havası indi
bridge: Köprü kapalıydı | Sürücüler başka bir yoldan gitti
train: {s} istasyona geç geldi | {s} treni kaçırdı
thief: Bir hırsız onun çantasını çaldı | {s} polisi aradı
power: Elektrik kesildi | {s} bir mum yaktı
fire: Otelde yangın çıktı | İtfaiye çabuk geldi
heating: Kalorifer bozuktu | Oda soğuktu
lift: Asansör çalışmıyordu | {s} merdivenden çıktı
key: {s} anahtarını kaybetti | {s} kapıyı açamadı
noise: Komşular yüksek sesle müzik çaldı | {s} uyuyamadı
dog: Köpek bir yabancının sesini duydu | Köpek havladı
cat: Kedi bir fare gördü | Kedi fareyi kovaladı
bee: {s} bir arıya dokundu | Parmağı şişti
fox: Kümese bir tilki girdi | Sabah tavuklar ortada yoktu
exam: {s} çok çalıştı | {s} sınavı geçti
homework: {s} ödevini yapmadı | Öğretmen kızdı
spectacles: {s} gözlüğünü evde unuttu | {s} metni okuyamadı
lottery: {s} piyangoyu kazandı | {s} büyük bir ev satın aldı
factory: Fabrika kapandı | Birçok işçi işini kaybetti
salary: {s} işini çok iyi yaptı | Maaşı yükseldi
birthday: {s} doğum gününü kutladı | Arkadaşları hediye getirdi
sunburn: {s} güneşte çok uzun süre yattı | Cildi kızardı
hunger: {s} sabahtan beri bir şey yememişti | {s} çok acıkmıştı
homesick: {s} evini özledi | {s} annesine telefon etti
thirst: {s} on kilometre koştu | {s} çok su içti
coffee: {s} kötü uyudu | {s} üç fincan kahve içti
dress: {s} elbisesine şarap döktü | {s} elbiseyi yıkadı
shoes: Ayakkabılar çok küçüktü | Ayakları ağrıdı
shirt: Gömlekte bir delik vardı | {s} gömleği dikti
trousers: {s} kilo aldı | Pantolon artık dar geliyordu
phone: Telefonun şarjı bitmişti | {s} telefon edemedi
virus: Bilgisayara virüs bulaştı | Bütün dosyalar silindi
film: Film sıkıcıydı | {s} sinemada uyuyakaldı
joke: {s} bir fıkra anlattı | Herkes güldü
flowers: {s} çiçekleri her gün suladı | Çiçekler iyi büyüdü
goal: Oyuncu gol attı | Taraftarlar sevindi
""",
)

LEXICON = Lexicon(
    subjects={"s": ("{n}", "")},
    frames={
        "home": ("{s} {v} şehrinde yaşıyor", "{s} {v} şehrinde oturuyor"),
        "job": ("{s} {v} olarak çalışıyor", "{s} hayatını {v} olarak kazanıyor"),
        "place": ("{s} şu anda {v}", "şimdi {s} {v} bulunuyor"),
        "act": ("{s} şu anda {v}", "şimdi {s} {v}"),
        "food": (
            "{s} en çok {v} yemeyi seviyor",
            "{s} {v} yemeyi diğer bütün yemeklere tercih ediyor",
        ),
        "buy": ("{s} dün sadece {v} aldı", "dün {s} {v} dışında hiçbir şey almadı"),
        "pet": (
            "{s} tek bir evcil hayvan besliyor, o da {v}",
            "{s} yalnızca bir hayvana bakıyor, o da {v}",
        ),
    },
    splits={"dev": DEV, "test": TEST},
)
