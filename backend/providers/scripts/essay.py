"""About 1,500 words, to be stopped, reloaded and followed; and more for when it goes on."""

TEXT = """\
# A year with a small garden

This is the demo's long answer: about fifteen hundred words, written beforehand and sent at the pace \
of a model. Stop it whenever you like, reload the page in the middle, or open it on a second \
screen. The text goes on where it is.

## January

The garden is asleep and the gardener is not allowed to be. January is the month of lists. What \
grew well, what the slugs took, which corner stayed wet until May: it is all still fresh enough to \
be written down, and it will be forgotten by March. A pencil is better than an app here, because a \
pencil survives a wet pocket. Draw the beds as they are, not as they should be, and mark where the \
shadow of the house ends at noon. That one line explains most of the disappointments of the year \
before, and it moves by several metres between now and midsummer. Then order seeds. Order half of \
what you want, and you will still have twice what you can plant.

## February

On the first mild day the birds begin to quarrel about the nesting box, and it is time to prune. \
Apple trees forgive almost everything except neglect. Take out what is dead, what crosses, and what \
grows straight up in a hurry; then step back, because the tree looks different from there. A good \
rule is to stop one cut before you are satisfied. Indoors, the first seeds go into trays on the \
window sill: peppers and aubergines, which need a long run-up. They need light more than warmth. A \
seedling that leans towards the glass like a passenger at a train window is asking for a lamp, or \
at least for a sheet of white card behind it, and for somebody who turns the tray once a day.

## March

March is two months wearing one name. The first half belongs to winter and the second to whoever \
has a spade. The soil tells you when it is ready: take a handful and press it. If it stays a lump, \
go back inside and make tea. If it crumbles, begin. Broad beans can go out now, and spinach, and \
the onions that look like nothing at all. Spread the compost that has been ripening since autumn, \
two fingers deep, and do not dig it in; the worms consider that their work and they are better at \
it. Somewhere around the equinox there will be an afternoon so warm that everything seems possible. \
Nothing tender should be planted on that afternoon.

## April

Everything happens at once and most of it is weeds. The trick is to meet them when they are two \
leaves old, on a dry morning, with a hoe that is sharp enough to be taken seriously. Ten minutes \
now saves a weekend in June. Potatoes go into the ground when the dandelions flower, which is a \
better calendar than the one on the wall, because it knows about the weather. Sow carrots thinly, \
then accept that you have sown them too thickly, as everyone does. The nights are still cold. A \
fleece over the early rows is worth more than courage, and it also keeps off the pigeons, who have \
been watching you plant with great interest from the neighbour's roof.

## May

There is a superstition about the middle of May and the last frosts, and it is correct often enough \
to be respected. Until then the tomatoes travel: out in the morning, in at night, like guests who \
cannot decide. When they finally stay, plant them deeper than they were in their pots, up to the \
first leaves, because the buried stem will grow roots. Give each one a stick before it needs it. \
The garden is now at its most beautiful and its most deceptive; everything is fresh, nothing has \
been eaten yet, and there is room between the plants. Sow the beans. Sit down at least once. In \
three weeks there will be no time for that.

## June

Water in the morning, seldom and long, rather than every evening for a moment. Roots follow the \
water, and a plant that is sprinkled lives at the surface like somebody who has never had to think. \
Strawberries ripen in the week in which you are away. Net them against blackbirds, and check the net \
for hedgehogs. The slugs have also had a good spring. They dislike dry paths, rough mulch and \
gardeners with torches at eleven at night; they do not dislike eggshells, whatever you have read. \
By the end of the month the days grow shorter again, which nobody notices, least of all the \
courgettes, of which there was one this morning.

## July

Now there are seven. July is the month of giving courgettes away, first to friends, then to \
colleagues, finally to people at the bus stop. Pick them small and they are worth it. Pick beans \
every second day, for a plant that is allowed to ripen one pod believes that its work is done. In \
the heat the soil wants a blanket: grass cuttings, straw, leaves, anything that keeps the sun off. \
Between the rows it is already time to think of winter, and to sow the kale and the leeks that will \
stand there in the snow when all of this is only a memory. It feels wrong to do it in sandals, and \
it is exactly right.

## August

The tomatoes turn red all together, on a Tuesday. There is nothing to do but to cook. Sauce freezes \
well, and so does the plain fruit, whole, in a bag; the skins slip off when it thaws. Keep the seeds \
of the best plant, not of the best tomato: you want the whole family's character, its health and \
its patience, and not only one lucky child. Early in the morning there is a new smell now, dry and a \
little sweet, which is the summer beginning to pack. Cut the herbs before they flower and hang them \
where the air moves. Leave the thistles at the back for the goldfinches. They were counting on you.

## September

A generous month, with the best light of the year and none of the hurry. Pumpkins have climbed into \
the hedge and must be negotiated with. Apples come off with a quarter turn when they are ready and \
resist when they are not. Every bed that becomes empty gets a green cover, mustard or clover, so \
that the rain does not wash away what the summer has built. This is also the time for moving things: \
the soil is warm, the sky is wet, and a shrub that is lifted now hardly notices. Write down which \
variety you liked. You are sure that you will remember it. You will not.

## October

The first frost draws a line under the beans. Whatever is tender comes in, whatever is hardy gets \
sweeter for it: parsnips, sprouts, kale. Leaves fall in quantities for which no one has room, and \
this is a mistake in the way we look at them, because in two years they are the finest soil that \
there is. Fill a wire cage and forget it. Plant garlic, each clove a hand's width from the next, \
pointed end up, and tulips twice as deep as seems reasonable. It is a pleasant kind of work, since \
it consists of burying things in the cold in the firm belief that they will come back.

## November

Clean the tools. Nobody does it gladly and everybody is glad in March. Scrape, oil, sharpen; a file \
and a rag are enough. Empty the hoses before the night does it for you. Otherwise leave the garden \
alone, and resist the wish to tidy: the hollow stems are full of sleeping insects, the seed heads \
are a larder, and the heap of brushwood in the corner has a tenant with spines. A garden that looks \
a little abandoned in winter is one in which somebody lives. The robin approves and says so, from \
the handle of the fork that you have left standing in the bed.

## December

There is frost on the kale and a candle in the window. On the kitchen table lies the plan from \
January, with its coffee rings, its crossed-out rows and one exclamation mark whose meaning is lost. \
Perhaps a third of it came true. That is a good year. A garden is never finished, and it is never \
quite what was intended; it is a long conversation with weather, soil and blackbirds, in which one \
gets a word in now and then. Make tea. The seed catalogues arrive on Thursday.

*This was the end of the demo's long answer. Every word of it should be in front of you exactly \
once.*
"""

MORE = (
    "A word about the compost, which has not had one yet. It needs brown and green in turns, dry \
leaves and kitchen scraps, and as much air as a good argument. If it smells, it is too wet; if \
nothing happens, it is too dry.",
    "Then there is the rain barrel. It fills in one thunderstorm and is empty after three hot days, \
so the honest answer to the question of how many one needs is always one more.",
    "Paths deserve more thought than they get. They should lead where people walk anyway, be wide \
enough for a wheelbarrow with opinions, and be dry on the day when the bins go out.",
    "Children like to grow what can be eaten without washing: peas, strawberries, small tomatoes. \
Give them a bed of their own and do not improve it while they are at school.",
    "Bees come for the flowers of whatever you forgot to harvest. A leek in bloom is a fine sight, \
and nobody has to know that it was an oversight.",
    "The wall that faces south is the most valuable place in the garden. A fig is happy there, or a \
pear tied flat against the bricks, which keeps the warmth of the day until midnight.",
    "Keep one corner wild, and tell visitors that it is on purpose. Within two summers it will be, \
and the toad that moves in pays its rent in slugs.",
    "Neighbours are part of the soil. A bag of apples over the fence in September is worth a \
borrowed ladder in October and a watered garden in the following August.",
    "Labels fade. Pencil on wood lasts a winter, ink on plastic lasts a summer, and memory lasts \
until the telephone rings.",
    "In the evening the garden should be walked through without tools. One sees more, and mends \
less, and both are good for it.",
)
"""Paragraphs for going on after an interruption; none of them occurs in the text above."""

RESUMED = "(The demo picks up its answer again.)"
NO_MORE = "And with that the demo has said everything it was given to say."
