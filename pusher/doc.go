// Package pusher takes a finished payload to the province's platform. It gets a token for the college's credentials, seals the
// payload with SM4, posts it, and reads from the answer one of a closed set of outcomes. In: records leased from an Outbox, made
// into payloads by a Mapper. Out: a Settlement for each lease, and nothing else. What the platform could define differently (where
// the token comes from and how, the envelope, the codes) is in Options; nothing of one platform is in the code.
//
// The parts, from the inside outwards: Key and Sealer are the cryptography; Dialect and TokenSource the token; Client makes one
// call and decides its outcome; Workers lease records and bring each through mapping, call, write-back and settlement.
//
// What never happens here: two calls for one record at once, a call that outlives its lease, a rejection because the network, the
// token or our own credentials were bad, and a secret, a token or a row's value in an error, a log or a metric.
package pusher
