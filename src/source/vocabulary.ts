/** What simulated posts are made of. Words stand in the order of their frequency: early ones are drawn far more often. */

export interface Language {
  /** `langs` of the post, one of these; null leaves it out. */
  langs: readonly (readonly string[] | null)[]
  /** Share of posts, in thousandths. */
  share: number
  words: readonly string[]
  /** Between words. */
  space: string
}

const split = (text: string): string[] => text.trim().split(/\s+/)

const ENGLISH = split(`
the to and a of i is in it you that for on my this with just so not but have be was they are like at me all what we
do if can your out about people one up there how will more when who no time get know think or from good really an
don’t don't it's he new day would their love see going as by now some she today her because make want than them right
been even never his still back only us had too got much way our go year here over why need were game first said work
every same thing look anyone please thank happy made morning art world being things last little always life feel book
should after best before night music great could year's something everyone else someone maybe though coffee cat dog
sky blue photo weather rain garden weekend movie episode season play watch read write wrote draw drawing paint stream
server query software systems design students bridge concrete data pipeline steel model models team project build
built building test tests code deploy release latency storage research lab university paper science physics
chemistry energy climate election vote news report city train bus street house kitchen bread soup recipe dinner
naïve café résumé façade jalapeño Zürich coöperate`)

const JAPANESE = split(`
今日は 明日は いい天気 ですね 猫 かわいい 本当に ありがとう おはよう 仕事 終わった 帰り道 写真 撮りました ラーメン
美味しい 食べたい 眠い ゲーム 新しい イラスト 描いた 推し 最高 楽しみ 東京 大阪 電車 雨 桜 夏 冬 音楽 映画 見た 読んだ
そうなんだ わかる 笑 すごい 頑張る 月曜日 週末 コーヒー エンジニア 開発 設計 橋`)

const PORTUGUESE = split(`
o a de que e não eu um do da em para é com uma os no se na por mais as mas me muito já isso você ele foi hoje gente
tudo bem agora dia quando só ser vai tem meu minha coisa amo vida jogo bom casa ainda amanhã coração saudade música
filme café pão trabalho engenharia projeto cidade chuva noite time gol domingo`)

const SPANISH = split(`
de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ya este porque cuando muy
sin sobre también me hasta hay donde hoy gracias buenos días noche vida casa año mañana música película café trabajo
ingeniería proyecto ciudad lluvia fútbol gato niño corazón siempre nunca`)

const GERMAN = split(`
die der und in zu den das nicht von sie ist des sich mit dem dass er es ein ich auf so eine auch als an nach wie im für
man aber aus durch wenn nur war noch werden heute morgen schön Wetter Kaffee Straße Bahn Zug Arbeit Maschinenbau Brücke
Katze Hund Wochenende Regen Musik Film Buch größte Überraschung natürlich`)

const FRENCH = split(`
de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son je vous nous
mais on elle tout bien être fait c’est j’ai l’eau aujourd’hui demain matin café pain travail ingénierie projet ville
pluie musique film chat été forêt cœur déjà très où`)

const KOREAN = split(`
오늘 진짜 너무 좋아 감사합니다 그래서 이제 정말 사람 시간 생각 사진 고양이 커피 날씨 비 주말 영화 음악 게임 맛있어 예쁘다
내일 집 일 학교 공학 서울 새로운 보고싶다 ㅋㅋㅋ 안녕하세요`)

const TURKISH = split(`
bir ve bu da de için çok ne ama o ben gibi daha var mı sen kadar her şey değil iyi bugün yarın güzel İstanbul ışık
gün gece kahve kedi yağmur müzik film iş mühendislik köprü`)

const ARABIC = split(`
في من على أن إلى هذا ما لا مع كل يا الله اليوم كان هو شكرا جميل صباح الخير قهوة كتاب مدينة هندسة`)

export const LANGUAGES: readonly Language[] = [
  { langs: [['en'], ['en'], ['en'], ['en'], ['en'], ['en-US'], ['en-GB'], ['en', 'es'], null], share: 520, words: ENGLISH, space: ' ' },
  { langs: [['ja'], ['ja'], ['ja'], ['ja-JP'], null], share: 200, words: JAPANESE, space: '' },
  { langs: [['pt'], ['pt'], ['pt-BR']], share: 90, words: PORTUGUESE, space: ' ' },
  { langs: [['es'], ['es'], ['es-MX'], ['en']], share: 50, words: SPANISH, space: ' ' },
  { langs: [['de'], ['de'], ['de-AT']], share: 50, words: GERMAN, space: ' ' },
  { langs: [['fr'], ['fr'], ['fr-CA'], ['en', 'fr']], share: 40, words: FRENCH, space: ' ' },
  { langs: [['ko']], share: 25, words: KOREAN, space: ' ' },
  { langs: [['tr'], ['en']], share: 15, words: TURKISH, space: ' ' },
  { langs: [['ar'], null], share: 10, words: ARABIC, space: ' ' },
]

export const HASHTAGS: readonly string[] = split(`
#art #photography #BookSky #cats #caturday #gaming #NowPlaying #science #AI #music #cross-contamination #engineering
#ブルースカイ #イラスト #猫 #東京 #café #Straßenbahn #résumé #Brücke #100DaysOfCode #data-science #climate #vtuber #news #opensource
#Fußball #한국 #música #coração #İstanbul #مدينة`)

export const EMOJI: readonly string[] = split('😂 ❤️ 🎉 💦 😍 🔥 👩‍💻 🇧🇷 👇 ✨ 🥲 🏳️‍🌈 👍🏽')

/** Pieces around words; `"`, `\` and line breaks have to be escaped in JSON. */
export const INTERJECTIONS: readonly string[] = ['\n\n', '\n', '"quoted"', '“so”', '…', '- ', '(ok)', 'C:\\temp', '<b>&amp;</b>', '!!!', '50%', '2026', '\t']

/** Whole words, words that only contain it, and spellings that count or do not. */
export const ENGINEERING: readonly string[] = [
  'engineering', 'engineering', 'engineering', 'Engineering', 'Engineering', 'ENGINEERING', '#engineering', '#Engineering',
  'bioengineering', 'bioengineering', 'reengineering', 'engineering,', 'engineering.', '"engineering"', 'software-engineering',
  '#softwareengineering', 'engineering’s', 'engineering\nis', 'ingénierie', 'engineer',
]

/** Words that come with it, the likelier ones repeated. */
export const TOPIC: readonly string[] = split(`
software software software data data Data systems systems system design design students bridge bridges team university
problem problems work project don’t don't Don’t AI prompt reliability civil Civil mechanical résumé naïve Köln`)

export const HANDLES: readonly string[] = split('alice.bsky.social bob.example.com café-lab.bsky.social news.example.org ann-e.bsky.social')

export const URLS: readonly string[] = split(`
https://example.com/engineering/2026/07/the-bridge https://www.example.org/watch?v=V5lDo-jw8mA&t=42s
https://news.example.net/a/b/c.html https://例え.jp/ページ http://sub.example.co.uk/~user/#top`)
