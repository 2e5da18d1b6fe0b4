/** The lines of simulated events, as bluesky prints them. */
import type { Template } from './template.ts'
import { compileTemplate } from './template.ts'

const END = ',"repo":"did:plc:%R","rev":"%V","time_us":%U,"kind":"commit"}\n'
const BLOB = '{"$type":"blob","ref":{"$link":"bafkrei%B"},"mimeType":"image/jpeg","size":%Z}'
const TARGET = '{"cid":"bafyrei%S","uri":"at://did:plc:%D/app.bsky.feed.post/%Q"}'
const SECOND_TARGET = '{"cid":"bafyrei%W","uri":"at://did:plc:%E/app.bsky.feed.post/%P"}'

const head = (action: string, collection: string, key: string): string =>
  `{"timestamp":"%T","action":"${action}","path":"${collection}/${key}","cid":"bafyrei%C","record":{"$type":"${collection}"`

const commit = (collection: string, fields: string, action = 'create', key = '%K'): Template =>
  compileTemplate(`${head(action, collection, key)},${fields}}${END}`)

const account = (kind: string, body: string): Template =>
  compileTemplate(
    `{"timestamp":"%T","action":null,"path":null,"cid":null,"record":{${body}},"repo":"did:plc:%R","rev":null,"time_us":%U,"kind":"${kind}"}\n`,
  )

export const LIKE = commit('app.bsky.feed.like', `"createdAt":"%A","subject":${TARGET}`)
export const LIKE_VIA = commit(
  'app.bsky.feed.like',
  `"createdAt":"%A","subject":${TARGET},"via":{"cid":"bafyrei%W","uri":"at://did:plc:%E/app.bsky.feed.repost/%P"}`,
)
export const REPOST = commit('app.bsky.feed.repost', `"createdAt":"%A","subject":${TARGET}`)
export const FOLLOW = commit('app.bsky.graph.follow', '"createdAt":"%A","subject":"did:plc:%D"')
export const BLOCK = commit('app.bsky.graph.block', '"createdAt":"%A","subject":"did:plc:%D"')
export const LISTITEM = commit(
  'app.bsky.graph.listitem',
  '"createdAt":"%A","list":"at://did:plc:%R/app.bsky.graph.list/%P","subject":"did:plc:%D"',
)

export const DELETE = {
  like: remove('app.bsky.feed.like'),
  follow: remove('app.bsky.graph.follow'),
  post: remove('app.bsky.feed.post'),
  repost: remove('app.bsky.feed.repost'),
  block: remove('app.bsky.graph.block'),
  listitem: remove('app.bsky.graph.listitem'),
} satisfies Record<string, Template>

function remove(collection: string): Template {
  return compileTemplate(`{"timestamp":"%T","action":"delete","path":"${collection}/%Q","cid":null,"record":null${END}`)
}

const post = (createdAt: string): Template => compileTemplate(`${head('create', 'app.bsky.feed.post', '%K')},${createdAt}`)

/** A post up to and including its createdAt. */
export const POST = post('"createdAt":"%A",')
/** The same with a createdAt that clients should not write, but do. */
export const ODD_POSTS: readonly Template[] = [
  post('"createdAt":"1970-01-01T00:00:00.000Z",'),
  post('"createdAt":"2099-12-31T23:59:59.999Z",'),
  post('"createdAt":"0001-01-01T00:00:00Z",'),
  post('"createdAt":"yesterday",'),
  post('"createdAt":"",'),
  post('"createdAt":"2025-02-30T10:00:00+09:00",'),
  post('"createdAt":"2025-06-01T10:00:00.123456+09:00",'),
  post('"createdAt":"2025-06-01T10:00:00.1234567891Z",'),
  post('"createdAt":"2025-06-01T10:00:00",'),
  post('"createdAt":"2025-06-01",'),
  post(''),
]
export const REPLY = compileTemplate(`"reply":{"parent":${TARGET},"root":${SECOND_TARGET}},`)
export const REPLY_TO_ROOT = compileTemplate(`"reply":{"parent":${TARGET},"root":${TARGET}},`)
export const TEXT = compileTemplate('"text":"')
/** What follows a text or any other last field of a record. */
export const RECORD_END = compileTemplate(`"}${END}`)

/** Parts of embeds; phrases stand between them. */
export const EMBED_EXTERNAL: readonly Template[] = [
  compileTemplate('"embed":{"$type":"app.bsky.embed.external","external":{"description":"'),
  compileTemplate(`","thumb":${BLOB},"title":"`),
  compileTemplate('","uri":"https://news.example.net/%K?a=1&b=2"}},'),
]
export const EMBED_IMAGES: readonly Template[] = [
  compileTemplate('"embed":{"$type":"app.bsky.embed.images","images":[{"alt":"'),
  compileTemplate(`","aspectRatio":{"height":1350,"width":1080},"image":${BLOB}}]},`),
]
export const EMBED_QUOTE: readonly Template[] = [compileTemplate(`"embed":{"$type":"app.bsky.embed.record","record":${TARGET}},`)]

const profile = (action: string): Template =>
  compileTemplate(`${head(action, 'app.bsky.actor.profile', 'self')},"avatar":${BLOB},"description":"`)

export const PROFILE_CREATE = profile('create')
export const PROFILE_UPDATE = profile('update')
export const PROFILE_NAME = compileTemplate('","displayName":"')

export const ACCOUNT_EVENTS: readonly Template[] = [
  account('identity', '"did":"did:plc:%R","handle":"user-%Q.bsky.social","seq":%N,"time":"%A"'),
  account('identity', '"did":"did:plc:%R","seq":%N,"time":"%A"'),
  account('account', '"active":true,"did":"did:plc:%R","seq":%N,"time":"%A"'),
  account('account', '"active":true,"did":"did:plc:%R","seq":%N,"time":"%A"'),
  account('account', '"active":false,"did":"did:plc:%R","seq":%N,"status":"deactivated","time":"%A"'),
  account('account', '"active":false,"did":"did:plc:%R","seq":%N,"status":"deleted","time":"%A"'),
]

export const OTHERS: readonly Template[] = [
  commit(
    'app.bsky.feed.threadgate',
    '"allow":[{"$type":"app.bsky.feed.threadgate#mentionRule"}],"createdAt":"%A","post":"at://did:plc:%R/app.bsky.feed.post/%K"',
  ),
  commit('app.bsky.feed.postgate', '"createdAt":"%A","embeddingRules":[],"post":"at://did:plc:%R/app.bsky.feed.post/%K"'),
  commit('app.bsky.graph.list', '"createdAt":"%A","description":"","name":"engineering people","purpose":"app.bsky.graph.defs#curatelist"'),
  commit('app.bsky.graph.starterpack', '"createdAt":"%A","list":"at://did:plc:%R/app.bsky.graph.list/%P","name":"Start here ✨"'),
  commit('app.bsky.feed.generator', '"createdAt":"%A","did":"did:web:feeds.example.com","displayName":"Latest"', 'update', 'latest'),
  commit('app.bsky.actor.status', '"createdAt":"%A","durationMinutes":240,"status":"app.bsky.actor.status#live"', 'update', 'self'),
  commit('chat.bsky.actor.declaration', '"allowIncoming":"following"', 'update', 'self'),
  commit(
    'fm.teal.alpha.feed.play',
    '"artists":[{"artistName":"Sigur Rós"}],"duration":241,"isrc":null,"playedTime":"%A","score":0.75,"trackName":"Sæglópur"',
  ),
  commit('com.example.deep.record', '"a":{"b":{"c":{"d":[[[{"e":[]}]]]}}},"big":9007199254740993,"float":1.0e-7,"flag":false'),
]
