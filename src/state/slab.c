/*
 * state/slab.c
 *		Pages of equal pieces.
 *
 * Regions of memory are cut into aligned pages; a page holds pieces of one
 * size class, so that the page of a piece is found by masking its address.  A
 * class keeps its pages with room in a list and takes from the first.  A page
 * whose last piece is freed can serve any class; a region whose last page is
 * free goes back to the memory context.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

#include "state/slab.h"

#define SLAB_PAGE ((Size) 32768)
#define SLAB_CLASSES (WEIR_SLAB_LARGEST / MAXIMUM_ALIGNOF + 1)
#define SLAB_FIRST_REGION 4		/* pages */
#define SLAB_LARGEST_REGION 128

typedef struct SlabRegion
{
	void	   *memory;
	char	   *pages;			/* the first page, aligned */
	int			npages;
	int			carved;			/* pages handed out at least once */
	int			used;			/* pages that hold pieces */
} SlabRegion;

typedef struct SlabPage
{
	dlist_node	node;			/* in its class's list (room left) or in free_pages */
	SlabRegion *region;
	void	   *free;			/* pieces given back, linked through their first word */
	uint32		fresh;			/* offset of the first piece never used */
	uint32		piece;			/* size of a piece */
	uint32		used;			/* pieces in use */
} SlabPage;

struct WeirSlab
{
	MemoryContext context;
	MemoryContext large;
	SlabRegion *newest;
	dlist_head	free_pages;
	dlist_head	with_room[SLAB_CLASSES];
};

#define page_of(piece) ((SlabPage *) ((uintptr_t) (piece) & ~(uintptr_t) (SLAB_PAGE - 1)))
#define page_is_full(page) ((page)->free == NULL && (page)->fresh + (page)->piece > SLAB_PAGE)

WeirSlab *
weir_slab_create(MemoryContext context)
{
	WeirSlab   *slab = MemoryContextAllocZero(context, sizeof(WeirSlab));

	slab->context = context;
	slab->large = AllocSetContextCreate(context, "weir large values", ALLOCSET_DEFAULT_SIZES);
	dlist_init(&slab->free_pages);
	for (int i = 0; i < SLAB_CLASSES; i++)
		dlist_init(&slab->with_room[i]);
	return slab;
}

static void
add_region(WeirSlab *slab)
{
	int			npages = SLAB_FIRST_REGION;
	SlabRegion *region = MemoryContextAlloc(slab->context, sizeof(SlabRegion));

	if (slab->newest)
		npages = Min(slab->newest->npages * 2, SLAB_LARGEST_REGION);
	/* one page less than asked for may be aligned */
	region->memory = MemoryContextAllocHuge(slab->context, npages * SLAB_PAGE);
	region->pages = (char *) TYPEALIGN(SLAB_PAGE, region->memory);
	region->npages = npages;
	region->carved = 0;
	region->used = 0;
	slab->newest = region;
}

/* How many whole pages the region has. */
static int
region_pages(const SlabRegion *region)
{
	return region->pages == (char *) region->memory ? region->npages : region->npages - 1;
}

static SlabPage *
take_page(WeirSlab *slab, Size piece)
{
	SlabPage   *page;

	if (!dlist_is_empty(&slab->free_pages))
		page = dlist_container(SlabPage, node, dlist_pop_head_node(&slab->free_pages));
	else
	{
		if (slab->newest == NULL || slab->newest->carved == region_pages(slab->newest))
			add_region(slab);
		page = (SlabPage *) (slab->newest->pages + slab->newest->carved++ * SLAB_PAGE);
		page->region = slab->newest;
	}
	page->region->used++;
	page->free = NULL;
	page->fresh = MAXALIGN(sizeof(SlabPage));
	page->piece = piece;
	page->used = 0;
	return page;
}

static void
release_page(WeirSlab *slab, SlabPage *page)
{
	SlabRegion *region = page->region;

	dlist_push_head(&slab->free_pages, &page->node);
	if (--region->used > 0 || region == slab->newest)
		return;
	for (int i = 0; i < region->carved; i++)
		dlist_delete(&((SlabPage *) (region->pages + i * SLAB_PAGE))->node);
	pfree(region->memory);
	pfree(region);
}

void *
weir_slab_alloc(WeirSlab *slab, Size size)
{
	dlist_head *list;
	SlabPage   *page;
	void	   *piece;

	size = Max(MAXALIGN(size), MAXIMUM_ALIGNOF);
	if (size > WEIR_SLAB_LARGEST)
		return MemoryContextAllocHuge(slab->large, size);

	list = &slab->with_room[size / MAXIMUM_ALIGNOF];
	if (dlist_is_empty(list))
	{
		page = take_page(slab, size);
		dlist_push_head(list, &page->node);
	}
	else
		page = dlist_head_element(SlabPage, node, list);

	if (page->free)
	{
		piece = page->free;
		page->free = *(void **) piece;
	}
	else
	{
		piece = (char *) page + page->fresh;
		page->fresh += size;
	}
	page->used++;
	if (page_is_full(page))
		dlist_delete(&page->node);
	return piece;
}

void
weir_slab_free(WeirSlab *slab, void *piece, Size size)
{
	SlabPage   *page;
	bool		was_full;

	size = Max(MAXALIGN(size), MAXIMUM_ALIGNOF);
	if (size > WEIR_SLAB_LARGEST)
	{
		pfree(piece);
		return;
	}

	page = page_of(piece);
	Assert(page->piece == size);
	was_full = page_is_full(page);
	*(void **) piece = page->free;
	page->free = piece;
	if (was_full)
		dlist_push_head(&slab->with_room[size / MAXIMUM_ALIGNOF], &page->node);
	if (--page->used == 0)
	{
		dlist_delete(&page->node);
		release_page(slab, page);
	}
}
